//! `CreateTags` and `DeleteTags`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fabric::FabricState;

use super::Ec2;
use super::caller::Caller;
use super::describe::visible;
use super::error::Ec2Error;
use super::groups::group;
use super::query::Params;
use super::world::World;
use super::xml::Xml;

/// Tags that one resource can have.
const MAX_TAGS: usize = 50;

pub(super) fn create_tags(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml) -> Result<(), Ec2Error> {
    let added = params.tags("Tag")?;
    if added.is_empty() {
        return Err(Ec2Error::missing("Tag"));
    }
    change(ec2, caller, params, xml, |tags| {
        tags.extend(added.clone());
        if tags.len() > MAX_TAGS {
            return Err(Ec2Error::bad(
                "TagLimitExceeded",
                "The maximum number of Tags for a resource has been reached.",
            ));
        }
        Ok(())
    })
}

/// Without tags in the call all are removed; a tag with a value is removed only if it has that value.
pub(super) fn delete_tags(ec2: &Ec2, caller: &Caller, params: &Params, xml: &mut Xml) -> Result<(), Ec2Error> {
    let mut removed = Vec::new();
    for n in params.indexes("Tag") {
        removed.push((
            params.required(&format!("Tag.{n}.Key"))?,
            params.get(&format!("Tag.{n}.Value")),
        ));
    }
    change(ec2, caller, params, xml, |tags| {
        if removed.is_empty() {
            tags.clear();
        }
        tags.retain(|key, value| !removed.iter().any(|(k, v)| k == key && v.is_none_or(|v| v == value)));
        Ok(())
    })
}

fn change(
    ec2: &Ec2,
    caller: &Caller,
    params: &Params,
    xml: &mut Xml,
    mut edit: impl FnMut(&mut BTreeMap<String, String>) -> Result<(), Ec2Error>,
) -> Result<(), Ec2Error> {
    let ids = params.list("ResourceId");
    if ids.is_empty() {
        return Err(Ec2Error::missing("ResourceId"));
    }
    let now = ec2.fabric.clock.now();
    let mut inner = ec2.lock();
    let mut state = ec2.fabric.state();
    // All or nothing: first everything is looked up and tried on a copy.
    for id in &ids {
        edit(&mut tags_of(&mut inner.world, &mut state, caller, id, now)?.clone())?;
    }
    for id in &ids {
        edit(tags_of(&mut inner.world, &mut state, caller, id, now)?)?;
    }
    xml.text("return", true);
    Ok(())
}

fn tags_of<'a>(
    world: &'a mut World,
    state: &'a mut FabricState,
    caller: &Caller,
    id: &str,
    now: Duration,
) -> Result<&'a mut BTreeMap<String, String>, Ec2Error> {
    let account = world.account_mut(&caller.account);
    match id.split('-').next() {
        Some("vpce") => {
            visible(state, caller, id, now)?;
            state
                .endpoints
                .get_mut(id)
                .map(|endpoint| &mut endpoint.tags)
                .ok_or_else(|| Ec2Error::no_endpoint(id))
        }
        Some("sg") => {
            group(account, caller, id)?;
            account
                .security_groups
                .get_mut(id)
                .map(|group| &mut group.tags)
                .ok_or_else(|| Ec2Error::no_group(id))
        }
        Some("vpc") => account
            .vpcs
            .get_mut(id)
            .map(|vpc| &mut vpc.tags)
            .ok_or_else(|| Ec2Error::no_vpc(id)),
        Some("subnet") => account
            .subnets
            .get_mut(id)
            .map(|subnet| &mut subnet.tags)
            .ok_or_else(|| Ec2Error::no_subnet(id)),
        _ => Err(Ec2Error::bad("InvalidID", format!("The ID '{id}' is not valid"))),
    }
}
