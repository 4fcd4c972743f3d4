//! What the bot says: the same text for programs that show HTML and for those that do not.

use serde_json::{Value, json};

/// A notice, line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    is_item: bool,
    pieces: Vec<(Style, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    Code,
    Bold,
}

impl Reply {
    /// A sentence. What stands in `backticks` is shown as code, and in **asterisks** bold.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self::default().line(text)
    }

    /// With another line, or as many as there are in `text`.
    #[must_use]
    pub fn line(mut self, text: impl AsRef<str>) -> Self {
        self.lines.extend(text.as_ref().lines().map(|line| Line { is_item: false, pieces: pieces(line) }));
        self
    }

    /// With another item of a list.
    #[must_use]
    pub fn item(mut self, text: impl AsRef<str>) -> Self {
        self.lines.push(Line { is_item: true, pieces: pieces(text.as_ref()) });
        self
    }

    /// With all lines of another.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.lines.extend(other.lines);
        self
    }

    /// As plain text.
    pub fn plain(&self) -> String {
        let line = |line: &Line| {
            let text: String = line.pieces.iter().map(|(_, text)| text.as_str()).collect();
            if line.is_item { format!("• {text}") } else { text }
        };
        self.lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// As HTML.
    pub fn html(&self) -> String {
        let mut html = String::new();
        let mut is_in_list = false;
        for (index, line) in self.lines.iter().enumerate() {
            match (is_in_list, line.is_item) {
                (false, true) => html.push_str("<ul>"),
                (true, false) => html.push_str("</ul>"),
                (false, false) if index > 0 => html.push_str("<br>"),
                _ => {}
            }
            is_in_list = line.is_item;
            let text: String = line.pieces.iter().map(|(style, text)| styled(*style, text)).collect();
            html.push_str(&if line.is_item { format!("<li>{text}</li>") } else { text });
        }
        if is_in_list {
            html.push_str("</ul>");
        }
        html
    }

    /// The content of the message.
    pub fn content(&self) -> Value {
        json!({
            "msgtype": "m.notice",
            "body": self.plain(),
            "format": "org.matrix.custom.html",
            "formatted_body": self.html(),
            // Nobody is called by what a bot quotes.
            "m.mentions": {},
        })
    }
}

fn pieces(text: &str) -> Vec<(Style, String)> {
    let mut pieces = Vec::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            pieces.push((Style::Code, part.to_owned()));
            continue;
        }
        for (index, part) in part.split("**").enumerate() {
            let style = if index % 2 == 1 { Style::Bold } else { Style::Plain };
            pieces.push((style, part.to_owned()));
        }
    }
    pieces.retain(|(_, text)| !text.is_empty());
    pieces
}

fn styled(style: Style, text: &str) -> String {
    let text = escape(text);
    match style {
        Style::Plain => text,
        Style::Code => format!("<code>{text}</code>"),
        Style::Bold => format!("<strong>{text}</strong>"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::Reply;

    #[test]
    fn both_bodies_say_the_same() {
        let reply = Reply::new("**Two** rules fit `<ip>`:").item("one & `a`").item("two").line("That is all.");

        assert_eq!(reply.plain(), "Two rules fit <ip>:\n• one & a\n• two\nThat is all.");
        assert_eq!(
            reply.html(),
            "<strong>Two</strong> rules fit <code>&lt;ip&gt;</code>:<ul><li>one &amp; <code>a</code></li>\
             <li>two</li></ul>That is all."
        );
        assert_eq!(Reply::new("one\ntwo").html(), "one<br>two");
    }
}
