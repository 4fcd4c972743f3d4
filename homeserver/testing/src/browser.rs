//! A person with a web browser that runs no scripts: pages, forms, cookies, redirects.

use std::{collections::BTreeMap, sync::Mutex};

use reqwest::{
    Client, Method, RequestBuilder, Response,
    multipart::{Form, Part},
    redirect::Policy,
};

use crate::{TestServer, TestUser};

/// So many redirects in a row are followed.
const REDIRECTS: usize = 10;

/// A browser.
#[derive(Debug)]
pub struct TestBrowser {
    base: String,
    http: Client,
    cookies: Mutex<BTreeMap<String, String>>,
    /// Headers that go with each request.
    headers: Vec<(&'static str, String)>,
}

/// What a browser shows.
#[derive(Clone, Debug)]
pub struct TestPage {
    /// The path that it was found at, or the whole address where that is another site.
    pub address: String,
    /// The HTTP status; none for other sites.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The HTML.
    pub html: String,
}

impl TestPage {
    /// The values of the hidden fields of the first form whose action begins with `action`.
    fn hidden_fields(&self, action: &str) -> Vec<(String, String)> {
        let form = self.form(action);
        form.split("<input ")
            .skip(1)
            .filter_map(|input| {
                let tag = input.split('>').next()?;
                let is_hidden = tag.contains("type=\"hidden\"");
                is_hidden.then(|| (attribute(tag, "name"), attribute(tag, "value")))
            })
            .collect()
    }

    /// The first form whose action begins with `action`: its HTML.
    fn form(&self, action: &str) -> &str {
        let mut forms = self.html.split("<form ").skip(1);
        let form = forms.find(|form| attribute(opening(form), "action").starts_with(action));
        let form = form.unwrap_or_else(|| panic!("there is no form for {action:?} on {self:?}"));
        form.split("</form>").next().unwrap_or_default()
    }

    /// The whole action of that form.
    fn action(&self, action: &str) -> String {
        attribute(opening(self.form(action)), "action")
    }

    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What stands between the first `before` and the next `after`.
    pub fn between(&self, before: &str, after: &str) -> &str {
        let start = self.html.find(before).unwrap_or_else(|| panic!("{before:?} is not on {self:?}")) + before.len();
        let end = self.html[start..].find(after).expect("it ends");
        &self.html[start..start + end]
    }

    /// Where the link or button that says `text` leads.
    pub fn link(&self, text: &str) -> String {
        let (before, _) =
            self.html.split_once(&format!(">{text}</a>")).unwrap_or_else(|| panic!("no {text:?} on {self:?}"));
        attribute(&before[before.rfind('<').expect("a tag begins")..], "href")
    }

    /// Fails the test unless the page says `text`.
    pub fn assert_says(&self, text: &str) {
        assert!(unescape(&self.html).contains(text), "{text:?} is not on {self:?}");
    }

    /// The value of a parameter in the query or the fragment of the address.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.address, name)
    }
}

/// The value of a parameter in the query or the fragment of an address.
pub fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, after) = address.split_once(['?', '#'])?;
    let mut parts = after.split('#').flat_map(|part| url::form_urlencoded::parse(part.as_bytes()));
    parts.find(|(of, _)| of == name).map(|(_, value)| value.into_owned())
}

impl TestBrowser {
    /// A browser without cookies.
    pub fn new(server: &TestServer) -> Self {
        let http = Client::builder().redirect(Policy::none()).build().expect("a client can be built");
        Self { base: server.url(), http, cookies: Mutex::default(), headers: Vec::new() }
    }

    /// The browser of somebody who has just signed in.
    pub async fn of(server: &TestServer, user: &TestUser) -> Self {
        let browser = Self::new(server);
        let page = browser.come_to("/account", user).await;
        assert_eq!((page.address.as_str(), page.status), ("/account", 200), "{page:?}");
        browser
    }

    /// Opens a page that needs somebody to be signed in, and signs in as `user` on the way; where that leads.
    pub async fn come_to(&self, path: &str, user: &TestUser) -> TestPage {
        let form = self.open(path).await;
        self.sign_in(&form, user.id.localpart(), &user.password()).await
    }

    /// With a header on each request.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Opens a page, following redirects as long as they stay on this server.
    pub async fn open(&self, path: &str) -> TestPage {
        self.send(Method::GET, path, None).await
    }

    /// Opens a page without following redirects.
    pub async fn peek(&self, path: &str) -> TestPage {
        let answer = self.execute(self.http.request(Method::GET, format!("{}{path}", self.base))).await;
        page(path.to_owned(), answer).await
    }

    /// Fills in the form of `page` whose action begins with `action`, and follows where that leads.
    pub async fn submit(&self, page: &TestPage, action: &str, fields: &[(&str, &str)]) -> TestPage {
        let mut all = page.hidden_fields(action);
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.post(&page.action(action), &all).await
    }

    /// Fills in the form of `page` whose action begins with `action` with a file, which comes last, and follows
    /// where that leads.
    pub async fn upload(&self, page: &TestPage, action: &str, field: &str, file: (&str, Vec<u8>)) -> TestPage {
        let mut form = Form::new();
        for (name, value) in page.hidden_fields(action) {
            form = form.text(name, value);
        }
        let (name, content) = file;
        let form = form.part(field.to_owned(), Part::bytes(content).file_name(name.to_owned()));
        self.send_file(&page.action(action), form).await
    }

    /// Sends a form with a file without having been given one.
    pub async fn send_file(&self, path: &str, form: Form) -> TestPage {
        let answer = self.execute(self.http.post(format!("{}{path}", self.base)).multipart(form)).await;
        match answer.headers().get("location") {
            Some(location) => self.open(location.to_str().expect("it is text")).await,
            None => page(path.to_owned(), answer).await,
        }
    }

    /// Sends a form without having been given one.
    pub async fn post(&self, path: &str, fields: &[(String, String)]) -> TestPage {
        self.send(
            Method::POST,
            path,
            Some(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()),
        )
        .await
    }

    /// Signs in on the page that asks for it.
    pub async fn sign_in(&self, page: &TestPage, name: &str, password: &str) -> TestPage {
        self.submit(page, "/login", &[("name", name), ("password", password)]).await
    }

    /// The cookies, for looking at.
    pub fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.lock().expect("nobody panicked").clone()
    }

    /// Puts cookies in place of those that are there.
    pub fn set_cookies(&self, cookies: BTreeMap<String, String>) {
        *self.cookies.lock().expect("nobody panicked") = cookies;
    }

    async fn send(&self, method: Method, path: &str, form: Option<String>) -> TestPage {
        let (mut method, mut path, mut form) = (method, path.to_owned(), form);
        for _ in 0..REDIRECTS {
            let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
            if let Some(form) = form.take() {
                request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
            }
            let answer = self.execute(request).await;
            let Some(location) = answer.headers().get("location") else { return page(path, answer).await };
            let location = location.to_str().expect("it is text").to_owned();
            if !location.starts_with('/') || location.starts_with("//") {
                return TestPage { address: location, ..page(path, answer).await };
            }
            (method, path) = (Method::GET, location);
        }
        panic!("{path} redirects without an end");
    }

    async fn execute(&self, mut request: RequestBuilder) -> Response {
        let cookies: Vec<String> = self.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.expect("the server answers");
        let mut cookies = self.cookies.lock().expect("nobody panicked");
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().expect("it is text");
            let (name, rest) = cookie.split_once('=').expect("a cookie has a name");
            let value = rest.split(';').next().unwrap_or_default();
            if cookie.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        drop(cookies);
        answer
    }
}

async fn page(address: String, answer: Response) -> TestPage {
    TestPage {
        address,
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        html: answer.text().await.expect("the page is complete"),
    }
}

/// The rest of the tag that `html` begins in.
fn opening(html: &str) -> &str {
    html.split('>').next().unwrap_or_default()
}

/// The value of an attribute in the text of a tag.
fn attribute(tag: &str, name: &str) -> String {
    let value =
        tag.split_once(&format!("{name}=\"")).map_or("", |(_, rest)| rest.split('"').next().unwrap_or_default());
    unescape(value)
}

fn unescape(text: &str) -> String {
    let text = text.replace("&#38;", "&").replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<");
    text.replace("&#62;", ">").replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A text as part of a query or a form.
pub fn encode_text(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
