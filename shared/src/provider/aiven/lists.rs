//! The lists of a PrivateLink service, which all its consumers share.
//!
//! Aiven's PUT replaces a whole list, so that every body here starts from what is there.

use super::wire::{Lists, PrivateLink};
use crate::{Error, ErrorName, Result, request};

/// Principals of one PrivateLink service (Aiven's OpenAPI specification, as in its Terraform provider: 1 to 16).
const MAX_PRINCIPALS: usize = 16;
/// Regions besides the service's own (Aiven's documentation of cross-region connections).
const MAX_REGIONS: usize = 16;

/// What a request wants and the lists do not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) principals: Vec<String>,
    pub(super) regions: Vec<String>,
}

impl Missing {
    /// `link`: the PrivateLink service, if it is there. `own_region`: the service's, which is always included and never listed.
    pub(super) fn of(params: &request::Aiven, link: Option<&PrivateLink>, own_region: &str) -> Self {
        let mut regions = params.supported_regions.clone();
        regions.retain(|region| region != own_region);
        let Some(link) = link else {
            return Self {
                principals: params.principals.clone(),
                regions,
            };
        };
        let principals = not_in(&params.principals, &link.principals);
        let regions = match &link.supported_regions {
            Some(there) => not_in(&regions, there),
            // An API that does not show them: they go along with a change, but never cause one, which no look could see done.
            None if principals.is_empty() => Vec::new(),
            None => regions,
        };
        Self { principals, regions }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.principals.is_empty() && self.regions.is_empty()
    }

    /// The body that adds what is missing and keeps all else.
    ///
    /// # Errors
    /// `LimitExceeded` when the lists cannot hold it.
    pub(super) fn added_to(&self, link: Option<&PrivateLink>, own_region: &str) -> Result<Lists> {
        let mut principals = link.map(|link| link.principals.clone()).unwrap_or_default();
        principals.extend(self.principals.iter().cloned());
        capacity("/provider/principals", "principal", &principals, MAX_PRINCIPALS)?;

        let mut regions = link.and_then(|link| link.supported_regions.clone()).unwrap_or_default();
        regions.retain(|region| region != own_region);
        regions.extend(self.regions.iter().cloned());
        capacity(
            "/provider/supported_regions",
            "additional region",
            &regions,
            MAX_REGIONS,
        )?;

        Ok(Lists {
            principals,
            supported_regions: (!self.regions.is_empty()).then_some(regions),
        })
    }
}

/// The items of `wanted` that are not in `there`, in their order.
pub(super) fn not_in(wanted: &[String], there: &[String]) -> Vec<String> {
    wanted.iter().filter(|item| !there.contains(item)).cloned().collect()
}

fn capacity(path: &str, what: &str, list: &[String], max: usize) -> Result<()> {
    match list.get(max) {
        None => Ok(()),
        Some(first_too_many) => Err(Error::new(
            ErrorName::LimitExceeded,
            format!(
                "{path}: \"{first_too_many}\" would be {what} {} of {max} of the service's PrivateLink (it would have {}). \
                 Nothing was written to the list. Remove entries that nobody uses any more, then start again.",
                max + 1,
                list.len()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::provider::aiven::samples::{link, names, params};

    fn arns(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|i| format!("arn:aws:iam::111122223333:role/r{i}")).collect()
    }

    #[test]
    fn a_new_service_gets_everything_but_its_own_region() {
        let mut params = params(&["kafka"]);
        params.supported_regions = names(&["eu-west-1", "us-east-1"]);
        let missing = Missing::of(&params, None, "eu-west-1");
        let lists = missing.added_to(None, "eu-west-1").unwrap();
        assert_eq!(lists.principals, params.principals);
        assert_eq!(lists.supported_regions, Some(names(&["us-east-1"])));
    }

    #[test]
    fn the_own_region_alone_is_no_reason_to_send_regions() {
        let missing = Missing::of(&params(&["kafka"]), None, "eu-west-1");
        assert_eq!(missing.added_to(None, "eu-west-1").unwrap().supported_regions, None);
    }

    #[test]
    fn others_entries_stay() {
        let mut params = params(&["kafka"]);
        params.supported_regions = names(&["us-east-1", "us-east-2"]);
        let link = link(&["arn:aws:iam::444455556666:root"], Some(&["eu-west-1", "us-east-1"]));
        let missing = Missing::of(&params, Some(&link), "eu-west-1");
        assert_eq!(missing.regions, names(&["us-east-2"]));
        let lists = missing.added_to(Some(&link), "eu-west-1").unwrap();
        assert_eq!(
            lists.principals,
            names(&["arn:aws:iam::444455556666:root", "arn:aws:iam::111122223333:root"])
        );
        assert_eq!(lists.supported_regions, Some(names(&["us-east-1", "us-east-2"])));
    }

    #[test]
    fn nothing_is_missing_the_second_time() {
        let params = params(&["kafka"]);
        let link = link(&["arn:aws:iam::111122223333:root"], Some(&[]));
        assert!(Missing::of(&params, Some(&link), "eu-west-1").is_empty());
    }

    #[test]
    fn regions_that_are_not_shown_go_along_but_cause_no_change() {
        let mut params = params(&["kafka"]);
        params.supported_regions = names(&["us-east-1"]);
        let complete = link(&["arn:aws:iam::111122223333:root"], None);
        assert!(Missing::of(&params, Some(&complete), "eu-west-1").is_empty());
        let incomplete = link(&["arn:aws:iam::444455556666:root"], None);
        assert_eq!(
            Missing::of(&params, Some(&incomplete), "eu-west-1").regions,
            names(&["us-east-1"])
        );
    }

    #[test]
    fn the_seventeenth_principal_is_named() {
        let link = PrivateLink {
            principals: arns(0..15),
            ..link(&[], None)
        };
        let mut params = params(&["kafka"]);
        params.principals = arns(15..16);
        let fits = Missing::of(&params, Some(&link), "eu-west-1");
        assert_eq!(fits.added_to(Some(&link), "eu-west-1").unwrap().principals.len(), 16);

        params.principals = arns(14..18);
        let error = Missing::of(&params, Some(&link), "eu-west-1")
            .added_to(Some(&link), "eu-west-1")
            .unwrap_err();
        assert_eq!(error.name, ErrorName::LimitExceeded);
        assert!(
            error.message.contains("role/r16\" would be principal 17 of 16") && error.message.contains("would have 18"),
            "{}",
            error.message
        );
    }
}
