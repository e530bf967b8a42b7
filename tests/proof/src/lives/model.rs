//! A naive model: what the README promises, written down without looking at how the workflow does it.

use std::collections::BTreeSet;

use super::life::{CLIENTS, Component, RANGES, TAGS, Vendor, Wishes};
use super::scene::{ROLE, SECOND_REGION, VPC_RANGE, others_principal, others_range, tags, wished};
use super::seen::{Seen, SeenEndpoint, SeenGroup, SeenLink};
use crate::situation::OWN;

/// Why a provision cannot begin, by the error's name.
pub(crate) type Refusals = BTreeSet<&'static str>;

/// What must be there after a provision that succeeded; or why none can.
pub(crate) fn provisioned(before: &Seen, wishes: &Wishes, vendor: Vendor) -> Result<Seen, Refusals> {
    let mut refusals = Refusals::new();
    let (principals_max, ranges_max) = match vendor {
        Vendor::Aiven => (16, usize::MAX),
        Vendor::Hcp => (10, 15),
    };
    let wanted = entries(wishes);
    let mut link = before.link.clone().unwrap_or_default();
    for n in &wishes.remove_principals {
        link.principals.remove(&others_principal(*n));
    }
    for n in &wishes.remove_ranges {
        link.ranges.remove(&others_range(*n));
    }
    for (list, wanted, most) in [
        (&mut link.principals, &wanted.principals, principals_max),
        (&mut link.ranges, &wanted.ranges, ranges_max),
        (&mut link.regions, &wanted.regions, usize::MAX),
    ] {
        let grows = !wanted.is_subset(list);
        list.extend(wanted.iter().cloned());
        if grows && list.len() > most {
            refusals.insert("LimitExceeded");
        }
    }
    let endpoint = match endpoint(before, wishes) {
        Ok(endpoint) => Some(endpoint),
        Err(()) => {
            refusals.insert("InvalidRequest");
            None
        }
    };
    match endpoint {
        Some(endpoint) if refusals.is_empty() => Ok(Seen {
            by_hand: before.by_hand.clone().filter(|by_hand| by_hand.id != endpoint.id),
            by_hand_is_gone: before.by_hand_is_gone,
            groups: group(before, wishes, vendor).into_iter().collect(),
            link: Some(link),
            components: before.components.union(&components(wishes)).cloned().collect(),
            zones: (usize::from(vendor == Vendor::Hcp), true),
            endpoints: vec![endpoint],
        }),
        _ => Err(refusals),
    }
}

/// The endpoint that is to be: the one that works, the one to adopt, or a new one.
fn endpoint(before: &Seen, wishes: &Wishes) -> Result<SeenEndpoint, ()> {
    let moved = before.live().any(|endpoint| !endpoint.is_current);
    let own = before.live().filter(|endpoint| endpoint.is_current).last();
    let adopts = wishes.adopt && before.by_hand.is_some();
    let can_adopt =
        before.live().next().is_none() && before.by_hand.as_ref().is_some_and(|e| e.is_live() && e.is_current);
    let names_nobody = wishes.adopt && before.by_hand_is_gone;
    if moved && !wishes.allow_replace || adopts && !can_adopt || names_nobody {
        return Err(());
    }
    let there = own
        .or(before.by_hand.as_ref().filter(|_| adopts))
        .cloned()
        .unwrap_or_default();
    Ok(SeenEndpoint {
        state: "available".to_owned(),
        is_current: true,
        subnets: if wishes.subnets.is_empty() {
            BTreeSet::from([1, 2, 3])
        } else {
            wishes.subnets.clone()
        },
        groups: if wishes.groups.is_empty() {
            BTreeSet::from(["own".to_owned()])
        } else {
            wishes.groups.iter().map(|n| format!("given {n}")).collect()
        },
        tags: with_others_tags(&there.tags, wishes),
        private_dns: false,
        id: there.id,
    })
}

/// Others' tags stay.
fn with_others_tags(
    there: &std::collections::BTreeMap<String, String>,
    wishes: &Wishes,
) -> std::collections::BTreeMap<String, String> {
    let mut all = there.clone();
    all.retain(|key, _| !TAGS.contains(&key.as_str()));
    all.extend(tags(wishes));
    all
}

fn group(before: &Seen, wishes: &Wishes, vendor: Vendor) -> Option<SeenGroup> {
    if !wishes.groups.is_empty() {
        return None;
    }
    let clients = if wishes.clients.is_empty() {
        vec![VPC_RANGE.to_owned()]
    } else {
        wished(&CLIENTS, &wishes.clients)
    };
    let ports: Vec<u16> = match vendor {
        Vendor::Hcp => vec![8200],
        Vendor::Aiven => wishes.components.iter().map(|component| port(*component)).collect(),
    };
    let rules = ports.iter().flat_map(|port| {
        let clients = clients.iter();
        clients.map(move |client| format!("tcp {port}-{port} {client}"))
    });
    let there = before
        .groups
        .first()
        .map(|group| group.tags.clone())
        .unwrap_or_default();
    Some(SeenGroup {
        rules: rules.collect(),
        tags: with_others_tags(&there, wishes),
    })
}

fn port(component: Component) -> u16 {
    match component {
        Component::Pg => 13_000,
        Component::Pgbouncer => 13_001,
        Component::Prometheus => 13_009,
    }
}

/// What the request needs in the vendor's lists.
fn entries(wishes: &Wishes) -> SeenLink {
    let mut principals = BTreeSet::from([OWN.to_owned()]);
    principals.extend(wishes.role.then(|| ROLE.to_owned()));
    SeenLink {
        principals,
        ranges: wished(&RANGES, &wishes.ranges).into_iter().collect(),
        regions: wishes.region.then(|| SECOND_REGION.to_owned()).into_iter().collect(),
        others: 0,
    }
}

fn components(wishes: &Wishes) -> BTreeSet<String> {
    let components = wishes.components.iter();
    components.map(|component| component.name().to_owned()).collect()
}

/// What must be there after a deprovision that succeeded.
pub(crate) fn removed(before: &Seen, wishes: &Wishes, vendor: Vendor) -> Seen {
    let mut after = Seen {
        by_hand: before.by_hand.clone(),
        link: before.link.clone(),
        components: before.components.clone(),
        zones: (0, true),
        ..Seen::default()
    };
    let Some(there) = &before.link else {
        after.components = &before.components - &components(wishes);
        return after;
    };
    let own = entries(wishes);
    let by_hand = before.by_hand.as_ref().is_some_and(|e| e.is_live() && e.is_current);
    // HCP tells nobody of other accounts' endpoints.
    let connected = if vendor == Vendor::Aiven {
        there.others > 0
    } else {
        by_hand
    };
    let mut named = own.principals.clone();
    named.extend(wishes.remove_principals.iter().map(|n| others_principal(*n)));
    let is_alone = there.principals.is_subset(&named) && !connected;
    if !connected {
        after.components = &before.components - &components(wishes);
    }
    if is_alone && wishes.delete_service {
        after.link = None;
        return after;
    }
    let mut link = there.clone();
    for n in &wishes.remove_principals {
        link.principals.remove(&others_principal(*n));
    }
    for n in &wishes.remove_ranges {
        link.ranges.remove(&others_range(*n));
    }
    if !by_hand {
        link.principals.retain(|entry| !own.principals.contains(entry));
        // Inside the VPC.
        link.ranges
            .retain(|entry| !(own.ranges.contains(entry) && entry.starts_with("10.100.")));
    }
    if is_alone {
        link.ranges.retain(|entry| !own.ranges.contains(entry));
        link.regions.retain(|entry| !own.regions.contains(entry));
    }
    if link.principals.is_empty() && vendor == Vendor::Aiven {
        // Aiven demands one: those stay that were there.
        link.principals.clone_from(&there.principals);
    }
    after.link = Some(link);
    after
}

/// The entries of the vendor's lists that a request names as its own, as [`Seen::entries`] calls them.
pub(crate) fn named(wishes: &Wishes) -> BTreeSet<String> {
    let seen = Seen {
        link: Some(entries(wishes)),
        components: components(wishes),
        ..Seen::default()
    };
    seen.entries()
}
