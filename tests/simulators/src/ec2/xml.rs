//! Just enough XML for answers: elements, text, and EC2's lists of `<item>`.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;

/// An answer that grows element by element.
#[derive(Debug, Default)]
pub(super) struct Xml(String);

impl Xml {
    /// `<name>value</name>`.
    pub(super) fn text(&mut self, name: &str, value: impl Display) -> &mut Self {
        let _ = write!(self.0, "<{name}>{}</{name}>", escape(&value.to_string()));
        self
    }

    /// `<name>…</name>`.
    pub(super) fn node(&mut self, name: &str, inside: impl FnOnce(&mut Self)) -> &mut Self {
        let _ = write!(self.0, "<{name}>");
        inside(self);
        let _ = write!(self.0, "</{name}>");
        self
    }

    /// `<name><item>…</item>…</name>`.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.node(name, |xml| {
            for item in items {
                xml.node("item", |xml| each(xml, item));
            }
        })
    }

    /// `<name><item>text</item>…</name>`.
    pub(super) fn texts<T: Display>(&mut self, name: &str, items: impl IntoIterator<Item = T>) -> &mut Self {
        self.node(name, |xml| {
            for item in items {
                xml.text("item", item);
            }
        })
    }

    /// The usual `tagSet`.
    pub(super) fn tags(&mut self, tags: &BTreeMap<String, String>) -> &mut Self {
        self.list("tagSet", tags, |xml, (key, value)| {
            xml.text("key", key).text("value", value);
        })
    }

    /// The whole answer to an action.
    pub(super) fn into_response(self, action: &str) -> Response {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{REQUEST_ID}</requestId>{}</{action}Response>",
            self.0
        );
        ([(CONTENT_TYPE, "text/xml;charset=UTF-8"), REQUEST_ID_HEADER], body).into_response()
    }
}

/// The same for every call: nothing here depends on it.
pub(super) const REQUEST_ID: &str = "5a1e0000-0000-4000-8000-000000000000";
pub(super) const REQUEST_ID_HEADER: (http::HeaderName, &str) =
    (http::HeaderName::from_static("x-amzn-requestid"), REQUEST_ID);

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
