//! EC2: endpoints, the endpoint services they connect to, and the network they live in.

pub mod endpoints;
pub mod network;
pub mod services;

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, Tag};

/// A filter of a describe call.
fn filter(name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// Tags as the SDK wants them.
fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// The value of a tag.
fn tag<'a>(tags: &'a [Tag], key: &str) -> Option<&'a str> {
    tags.iter().find(|tag| tag.key() == Some(key)).and_then(Tag::value)
}
