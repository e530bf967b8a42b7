//! The query protocol's parameters: `SubnetId.1`, `Filter.1.Value.2`, `TagSpecification.1.Tag.1.Key`.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Ec2Error;

/// All parameters of a call.
#[derive(Debug, Clone)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// From the query string and the form in the body.
    pub(crate) fn parse(query: &str, body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(body));
        Self(
            pairs
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Ec2Error> {
        self.get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Ec2Error::missing(name))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Ec2Error> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(Ec2Error::invalid_value(format!(
                "Invalid value '{other}' for {name}: it must be true or false"
            ))),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<i32>, Ec2Error> {
        let invalid = |value| {
            Ec2Error::invalid_value(format!(
                "Value ({value}) for parameter {name} is invalid. Expected an integer"
            ))
        };
        self.get(name)
            .map(|value| value.parse().map_err(|_| invalid(value)))
            .transpose()
    }

    /// The numbers n that occur in `prefix.n` or `prefix.n.…`, ascending.
    pub(crate) fn indexes(&self, prefix: &str) -> BTreeSet<u32> {
        let dotted = format!("{prefix}.");
        let after = self
            .0
            .range(dotted.clone()..)
            .map_while(|(key, _)| key.strip_prefix(&dotted));
        after.filter_map(|rest| rest.split('.').next()?.parse().ok()).collect()
    }

    /// The values of `prefix.1`, `prefix.2`, ….
    pub(crate) fn list(&self, prefix: &str) -> Vec<String> {
        self.indexes(prefix)
            .into_iter()
            .filter_map(|n| self.get(&format!("{prefix}.{n}")).map(str::to_owned))
            .collect()
    }

    /// Key and value of `prefix.1.Key`, `prefix.1.Value`, ….
    ///
    /// # Errors
    /// For keys that AWS keeps to itself.
    pub(super) fn tags(&self, prefix: &str) -> Result<BTreeMap<String, String>, Ec2Error> {
        let mut tags = BTreeMap::new();
        for n in self.indexes(prefix) {
            let key = self.required(&format!("{prefix}.{n}.Key"))?;
            if key.starts_with("aws:") {
                let message = format!("Invalid tag key '{key}': the prefix 'aws:' is reserved for system tags");
                return Err(Ec2Error::invalid_value(message));
            }
            tags.insert(
                key.to_owned(),
                self.get(&format!("{prefix}.{n}.Value")).unwrap_or_default().to_owned(),
            );
        }
        Ok(tags)
    }

    /// The tags for a resource that is being created, from `TagSpecification`.
    pub(super) fn tag_specification(&self, resource_type: &str) -> Result<BTreeMap<String, String>, Ec2Error> {
        let mut tags = BTreeMap::new();
        for n in self.indexes("TagSpecification") {
            let given = self.required(&format!("TagSpecification.{n}.ResourceType"))?;
            if given != resource_type {
                let message = format!("'{given}' is not a valid taggable resource type for this operation.");
                return Err(Ec2Error::invalid_value(message));
            }
            tags.extend(self.tags(&format!("TagSpecification.{n}.Tag"))?);
        }
        Ok(tags)
    }

    /// The call's filters; every name must be among `known` or be about tags.
    pub(super) fn filters(&self, known: &[&str]) -> Result<Filters, Ec2Error> {
        let mut filters = Vec::new();
        for n in self.indexes("Filter") {
            let name = self.required(&format!("Filter.{n}.Name"))?;
            if !known.contains(&name) && name != "tag-key" && !name.starts_with("tag:") {
                return Err(Ec2Error::invalid_value(format!("The filter '{name}' is invalid")));
            }
            filters.push((name.to_owned(), self.list(&format!("Filter.{n}.Value"))));
        }
        Ok(Filters(filters))
    }

    /// The part of `items` that the call asks for, and the token for the rest.
    pub(super) fn page<T>(&self, items: Vec<T>) -> Result<(Vec<T>, Option<String>), Ec2Error> {
        let invalid = |token| Ec2Error::bad("InvalidNextToken", format!("The token '{token}' is invalid"));
        let start = match self.get("NextToken") {
            None => 0,
            Some(token) => token
                .strip_prefix("page-")
                .and_then(|n| n.parse().ok())
                .ok_or_else(|| invalid(token))?,
        };
        let size = match self.number("MaxResults")? {
            None => usize::MAX,
            Some(n) => usize::try_from(n)
                .ok()
                .filter(|n| *n > 0)
                .ok_or_else(|| Ec2Error::invalid_value("Value for parameter MaxResults is invalid"))?,
        };
        let total = items.len();
        let page: Vec<T> = items.into_iter().skip(start).take(size).collect();
        let end = start.saturating_add(page.len());
        Ok((page, (end < total && end > start).then(|| format!("page-{end}"))))
    }

    /// Everything that makes two creations the same, for the client token.
    pub(super) fn fingerprint(&self) -> String {
        let apart = ["Action", "Version", "ClientToken", "DryRun"];
        let pairs = self.0.iter().filter(|(key, _)| !apart.contains(&key.as_str()));
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish()
    }
}

/// Filters: all must match, each by any of its values.
#[derive(Debug)]
pub(super) struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// `values_of` gives what an item has under a filter's name.
    pub(super) fn match_item(&self, tags: &BTreeMap<String, String>, values_of: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|(name, wanted)| {
            let values = match name.strip_prefix("tag:") {
                Some(key) => tags.get(key).cloned().into_iter().collect(),
                None if name == "tag-key" => tags.keys().cloned().collect(),
                None => values_of(name),
            };
            wanted
                .iter()
                .any(|pattern| values.iter().any(|value| like(pattern.as_bytes(), value.as_bytes())))
        })
    }
}

/// `*` is any text, `?` any character.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|skipped| like(rest, &text[skipped..])),
        ([b'?', pattern @ ..], [_, text @ ..]) => like(pattern, text),
        ([p, pattern @ ..], [t, text @ ..]) => p == t && like(pattern, text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_ordered_by_number_not_by_text() {
        let form: String = (1..=11).map(|n| format!("SubnetId.{n}=s{n}&")).collect();
        let params = Params::parse("", form.as_bytes());
        assert_eq!(params.list("SubnetId").last().map(String::as_str), Some("s11"));
    }

    #[test]
    fn filter_values_take_wildcards() {
        assert!(like(
            b"com.amazonaws.vpce.*.vpce-svc-?",
            b"com.amazonaws.vpce.eu-west-1.vpce-svc-1"
        ));
        assert!(!like(b"avail?", b"available"));
    }

    #[test]
    fn pages_follow_each_other() {
        let first = Params::parse("", b"MaxResults=2").page(vec![1, 2, 3]).ok();
        assert_eq!(first, Some((vec![1, 2], Some("page-2".into()))));
        let second = Params::parse("", b"MaxResults=2&NextToken=page-2")
            .page(vec![1, 2, 3])
            .ok();
        assert_eq!(second, Some((vec![3], None)));
    }
}
