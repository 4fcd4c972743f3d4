// Client-server API, "Fallback": tells the client that opened this page that its stage is completed.
if (window.onAuthDone) {
    window.onAuthDone();
} else if (window.opener && window.opener.postMessage) {
    window.opener.postMessage("authDone", "*");
}
