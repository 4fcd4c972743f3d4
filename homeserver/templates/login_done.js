// Client-server API, "Login Fallback": hands the session to the client that shows this page.
if (window.matrixLogin && window.matrixLogin.onLogin) {
    window.matrixLogin.onLogin(JSON.parse(document.getElementById("response").dataset.json));
}
