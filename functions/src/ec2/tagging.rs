//! Tags of what is ours: which are set, which go, and which are other people's.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Tag;
use shared::identity::{TAG_EXECUTION, TAG_GENERATION, TAG_KEYS, key_mark};
use shared::{Result, aws};

/// By key.
pub type Tags = BTreeMap<String, String>;

/// The tags that EC2 describes.
pub fn read_tags(tags: &[Tag]) -> Tags {
    let pairs = tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// How tags differ from what they are to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagDiff {
    pub set: Tags,
    /// Keys that an earlier run has set and the request no longer has.
    pub delete: Vec<String>,
}

impl TagDiff {
    /// `wanted` as of a new resource. Which execution made a resource, and which generation it is, stays as it is.
    pub fn of(present: &Tags, wanted: &Tags) -> Self {
        let kept = |key: &str| matches!(key, TAG_EXECUTION | TAG_GENERATION) && present.contains_key(key);
        let set = wanted
            .iter()
            .filter(|(key, value)| present.get(*key) != Some(value) && !kept(key));
        let marks: Vec<&str> = present.get(TAG_KEYS).map_or("", String::as_str).split(' ').collect();
        let ours_once = |key: &&String| marks.contains(&key_mark(key).as_str());
        let surplus = present.keys().filter(|key| !wanted.contains_key(*key));
        Self {
            set: set.map(|(k, v)| (k.clone(), v.clone())).collect(),
            delete: surplus.filter(ours_once).cloned().collect(),
        }
    }

    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty()
    }

    /// The writing calls that it takes.
    pub fn calls(&self) -> Vec<String> {
        let set = (!self.set.is_empty()).then(|| "CreateTags".to_owned());
        let delete = (!self.delete.is_empty()).then(|| "DeleteTags".to_owned());
        delete.into_iter().chain(set).collect()
    }

    /// Writes it. The marks of the keys come last, so that a run that dies in between still knows its own.
    ///
    /// # Errors
    /// As EC2 answers.
    pub async fn apply(&self, ec2: &Client, id: &str) -> Result<()> {
        let doing = format!("tagging {id}");
        if !self.delete.is_empty() {
            let keys = self.delete.iter().map(|key| Tag::builder().key(key).build());
            ec2.delete_tags()
                .resources(id)
                .set_tags(Some(keys.collect()))
                .send()
                .await
                .map_err(|e| aws::error(&e, &doing))?;
        }
        if !self.set.is_empty() {
            ec2.create_tags()
                .resources(id)
                .set_tags(Some(super::tags(&self.set)))
                .send()
                .await
                .map_err(|e| aws::error(&e, &doing))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn only_what_differs_is_written() {
        let diff = TagDiff::of(
            &tags(&[("team", "a"), ("cost", "1")]),
            &tags(&[("team", "b"), ("cost", "1")]),
        );
        assert_eq!(diff.set, tags(&[("team", "b")]));
        assert_eq!(diff.calls(), ["CreateTags"]);
    }

    #[test]
    fn a_tag_that_we_once_set_goes_and_other_peoples_stay() {
        let marks = key_mark("team");
        let present = tags(&[("team", "a"), ("backup", "daily"), (TAG_KEYS, &marks)]);
        let diff = TagDiff::of(&present, &tags(&[(TAG_KEYS, "")]));
        assert_eq!(diff.delete, ["team"]);
        assert_eq!(diff.calls(), ["DeleteTags", "CreateTags"]);
    }

    #[test]
    fn who_made_it_is_never_rewritten() {
        let present = tags(&[(TAG_EXECUTION, "first"), (TAG_GENERATION, "3")]);
        let wanted = tags(&[(TAG_EXECUTION, "second"), (TAG_GENERATION, "1")]);
        assert!(TagDiff::of(&present, &wanted).is_empty());
        assert_eq!(TagDiff::of(&Tags::new(), &wanted).set, wanted);
    }
}
