//! EC2: endpoints, the endpoint services they connect to, and the network they live in.

pub mod endpoints;
pub mod groups;
pub mod services;
pub mod subnets;
pub mod tagging;
pub mod vpc;

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, Tag};

/// A filter of a describe call.
fn filter(name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// Filters for what has all of these tags. A star in a value is a star, not EC2's wildcard.
fn tag_filters(tags: &BTreeMap<String, String>) -> Vec<Filter> {
    let literal = |value: &str| value.replace('\\', "\\\\").replace('*', "\\*").replace('?', "\\?");
    let each = tags
        .iter()
        .map(|(key, value)| filter(&format!("tag:{key}"), [literal(value)]));
    each.collect()
}

/// Tags as the SDK wants them.
fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
