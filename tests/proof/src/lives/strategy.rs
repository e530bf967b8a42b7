//! Where random lives come from.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::life::{Act, Calls, Component, Deed, Goal, Life, Link, Misfortune, Mishap, Start, Vendor, Wishes};

/// Mishaps of a whole life.
const MISHAPS: usize = 3;

/// Any life.
pub fn life() -> impl Strategy<Value = Life> {
    let vendor = select(vec![Vendor::Aiven, Vendor::Hcp]);
    (vendor, start(), vec(act(), 1..=4)).prop_map(|(vendor, start, acts)| tidy(Life { vendor, start, acts }))
}

/// What a vendor does not have is left out, and what is too much.
fn tidy(mut life: Life) -> Life {
    let is_aiven = life.vendor == Vendor::Aiven;
    let start = &mut life.start;
    if !is_aiven {
        start.components.clear();
    }
    if let Some(link) = &mut start.link {
        let most = if is_aiven { 16 } else { 10 };
        link.principals = link.principals.min(most - u8::from(link.ours));
        link.ranges = if is_aiven { 0 } else { link.ranges };
        link.connected &= is_aiven && link.principals > 0;
        // Aiven demands one.
        if link.principals == 0 && !link.ours {
            link.principals = 1;
        }
    } else {
        start.by_hand = false;
    }
    let mut mishaps = MISHAPS;
    for act in &mut life.acts {
        let wishes = &mut act.wishes;
        if is_aiven {
            wishes.ranges.clear();
            wishes.remove_ranges.clear();
        } else {
            wishes.components.clear();
        }
        if !wishes.groups.is_empty() {
            wishes.clients.clear();
        }
        let mut keys = BTreeSet::new();
        wishes.tags.retain(|(key, _)| keys.insert(*key));
        act.rejects &= act.goal == Goal::Provision;
        act.mishaps.truncate(mishaps);
        mishaps -= act.mishaps.len();
    }
    life
}

fn start() -> impl Strategy<Value = Start> {
    let components = subsequence(Component::ALL.to_vec(), 0..=3);
    (option::of(link()), components, prop::bool::weighted(0.3)).prop_map(|(link, components, by_hand)| Start {
        link,
        components: components.into_iter().collect(),
        by_hand,
    })
}

fn link() -> impl Strategy<Value = Link> {
    // Often near the limits of both vendors.
    let principals = prop_oneof![0..4_u8, 8..=10_u8, 13..=16_u8];
    let ranges = prop_oneof![0..4_u8, 12..=15_u8];
    (principals, ranges, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(principals, ranges, ours, region, connected)| Link {
            principals,
            ranges,
            ours,
            region,
            connected,
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let goal = prop_oneof![6 => Just(Goal::Provision), 2 => Just(Goal::Deprovision), 1 => Just(Goal::Plan)];
    let deeds = vec(select(DEEDS.to_vec()), 0..=2);
    let mishaps = prop_oneof![2 => Just(0..=0_usize), 3 => Just(0..=2), 1 => Just(0..=3)];
    let mishaps = mishaps.prop_flat_map(|many| vec(mishap(), many));
    (goal, wishes(), deeds, prop::bool::weighted(0.08), mishaps).prop_map(|(goal, wishes, deeds, rejects, mishaps)| {
        Act {
            deeds,
            goal,
            wishes,
            rejects,
            mishaps,
        }
    })
}

fn set(most: u8, many: impl Into<proptest::sample::SizeRange>) -> impl Strategy<Value = BTreeSet<u8>> {
    subsequence((1..=most).collect::<Vec<_>>(), many).prop_map(|items| items.into_iter().collect())
}

fn wishes() -> impl Strategy<Value = Wishes> {
    // In each zone none, one, or the one beside it.
    let subnets = [0, 1, 2].map(|zone| select(vec![0, zone + 1, zone + 4]));
    let subnets = subnets.prop_map(|ids: [u8; 3]| ids.into_iter().filter(|id| *id > 0).collect::<BTreeSet<u8>>());
    let groups = prop_oneof![2 => Just(BTreeSet::new()), 1 => set(2, 1..=2)];
    let tags = vec((1..=3_u8, any::<bool>()), 0..=3);
    let components = subsequence(vec![Component::Pg, Component::Pgbouncer], 1..=2);
    let vendors = (
        components,
        set(3, 1..=3),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.3),
        prop_oneof![3 => Just(BTreeSet::new()), 1 => set(4, 1..=2)],
        prop_oneof![3 => Just(BTreeSet::new()), 1 => set(4, 1..=2)],
    );
    let flags = (
        prop::bool::weighted(0.25),
        any::<bool>(),
        any::<bool>(),
        prop::bool::weighted(0.15),
    );
    (subnets, groups, set(3, 0..=2), tags, vendors, flags).prop_map(
        |(subnets, groups, clients, tags, vendors, flags)| {
            let (components, ranges, role, region, remove_principals, remove_ranges) = vendors;
            let (adopt, allow_replace, delete_service, keep) = flags;
            Wishes {
                subnets,
                groups,
                clients,
                tags: tags.into_iter().collect(),
                components: components.into_iter().collect(),
                ranges,
                role,
                region,
                remove_principals,
                remove_ranges,
                adopt,
                allow_replace,
                delete_service,
                keep,
            }
        },
    )
}

fn mishap() -> impl Strategy<Value = Mishap> {
    let calls = select(vec![
        Calls::All,
        Calls::Writes,
        Calls::Writes,
        Calls::Ec2,
        Calls::Route53,
        Calls::Vendor,
        Calls::Vendor,
        Calls::AwsJson,
    ]);
    let nth = prop_oneof![4 => (1..=6_u8).prop_map(Some), 8 => (1..=24_u8).prop_map(Some), 1 => Just(None)];
    (calls, nth, select(KINDS.to_vec())).prop_map(|(calls, nth, kind)| Mishap {
        calls,
        // Each call too slow would last for ever.
        nth: if kind == Misfortune::Slow { nth.or(Some(1)) } else { nth },
        kind,
    })
}

const KINDS: [Misfortune; 15] = [
    Misfortune::InternalError,
    Misfortune::Unavailable,
    Misfortune::Throttled,
    Misfortune::Unauthorized,
    Misfortune::Forbidden,
    Misfortune::Conflict,
    Misfortune::HtmlPage,
    Misfortune::BareThrottle,
    Misfortune::ResetBefore,
    Misfortune::ResetAfter,
    Misfortune::Truncated,
    Misfortune::Slow,
    Misfortune::Nonsense,
    Misfortune::KilledBefore,
    Misfortune::KilledAfter,
];

const DEEDS: [Deed; 20] = [
    Deed::DeleteEndpoint,
    Deed::ForgetEndpoint,
    Deed::RejectEndpoint,
    Deed::FailEndpoint,
    Deed::ExpireEndpoint,
    Deed::MoveService,
    Deed::DeleteService,
    Deed::AddPrincipal,
    Deed::RemoveOurPrincipal,
    Deed::SwitchOff,
    Deed::SwitchOn,
    Deed::AddTag,
    Deed::ChangeTag,
    Deed::DropTag,
    Deed::AddRule,
    Deed::DropRules,
    Deed::SwapGroups,
    Deed::SwapSubnets,
    Deed::PrivateDns,
    Deed::DeleteHandMade,
];
