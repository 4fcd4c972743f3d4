//! A browser that runs no scripts: what somebody does with the server's pages.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result, bail};
use matrix_sdk::reqwest::{Client, Method, Url, header, redirect::Policy};

/// So many redirects in a row are followed.
const REDIRECTS: usize = 10;

/// A browser with its cookies.
#[derive(Default)]
pub struct Browser {
    cookies: Mutex<BTreeMap<String, String>>,
}

/// What it shows.
pub struct Page {
    url: Url,
    html: String,
}

impl Browser {
    /// Opens a page.
    pub async fn open(&self, url: Url) -> Result<Page> {
        self.send(Method::GET, url, None).await
    }

    /// Fills in the first form of a page.
    pub async fn submit(&self, page: &Page, fields: &[(&str, &str)]) -> Result<Page> {
        let (_, form) = page.html.split_once("<form ").with_context(|| format!("no form on {}", page.html))?;
        let (form, _) = form.split_once("</form>").context("the form ends")?;
        let hidden = form.split("<input ").skip(1).filter(|input| input.contains("type=\"hidden\""));
        let mut all: Vec<_> =
            hidden.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?))).collect();
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let url = page.url.join(&attribute(form, "action").context("the form leads somewhere")?)?;
        let mut body = Url::parse("form:x")?;
        body.query_pairs_mut().extend_pairs(all);
        self.send(Method::POST, url, body.query().map(ToOwned::to_owned)).await
    }

    /// Sends a form without having been given one.
    pub async fn post(&self, url: Url, form: String) -> Result<Page> {
        self.send(Method::POST, url, Some(form)).await
    }

    async fn send(&self, mut method: Method, mut url: Url, mut form: Option<String>) -> Result<Page> {
        let http = Client::builder().redirect(Policy::none()).build()?;
        for _ in 0..REDIRECTS {
            let cookies: Vec<_> = self.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
            let mut request = http.request(method, url.clone()).header(header::COOKIE, cookies.join("; "));
            if let Some(form) = form.take() {
                request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
            }
            let answer = request.send().await?;
            for cookie in answer.headers().get_all(header::SET_COOKIE) {
                let (name, rest) = cookie.to_str()?.split_once('=').context("a cookie has a name")?;
                self.jar().insert(name.to_owned(), rest.split(';').next().unwrap_or_default().to_owned());
            }
            let Some(location) = answer.headers().get(header::LOCATION) else {
                return Ok(Page { url, html: answer.text().await? });
            };
            (method, url) = (Method::GET, url.join(location.to_str()?)?);
        }
        bail!("{url} redirects without an end")
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    /// Fails unless the page says `text`.
    pub fn must_say(&self, text: &str) -> Result<()> {
        if self.html.contains(text) { Ok(()) } else { bail!("{text:?} is not on {}: {}", self.url, self.html) }
    }

    /// Where the link or button that says `text` leads.
    pub fn link(&self, text: &str) -> Result<Url> {
        let (before, _) =
            self.html.split_once(&format!(">{text}</a>")).with_context(|| format!("no {text:?} on {}", self.html))?;
        let tag = &before[before.rfind('<').context("a tag begins")?..];
        Ok(self.url.join(&attribute(tag, "href").context("it leads somewhere")?)?)
    }
}

/// The value of an attribute in the text of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(rest.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&"))
}
