//! Members of etcd: a control plane that joins is added, one that is reset is removed.

use std::path::Path;
use std::time::Duration;

use super::manifests::Plane;
use super::{init, say, wait};
use crate::client::Client;
use crate::etcd::{Etcd, Member};
use crate::failure::{Failure, Result, refuse};
use crate::files;
use crate::pki::Pair;

/// How long a member may take to answer.
const ANSWER: Duration = Duration::from_secs(8);
/// How long removing a member is tried.
const REMOVAL: Duration = Duration::from_secs(15);

/// A client with the certificates in this folder, of the member on this machine.
pub(super) fn client(certificates: &Path) -> Result<Etcd> {
    let authority = files::read(&certificates.join("etcd/ca.crt"))?;
    let pair = Pair::read(&certificates.join("etcd"), "healthcheck-client")?;
    Ok(Etcd::new("https://127.0.0.1:2379", &authority, pair, ANSWER))
}

/// The first member that answers, of those beside the nodes that the API server lists as control planes.
pub(super) fn any(api: &Client, client: &Etcd) -> Result<Etcd> {
    let nodes = api.get("/api/v1/nodes")?;
    let planes = nodes["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|node| !node["metadata"]["labels"]["node-role.kubernetes.io/control-plane"].is_null());
    let mut last = Failure::new("there is no control plane");
    for plane in planes {
        let addresses = plane["status"]["addresses"].as_array().into_iter().flatten();
        let Some(address) = addresses
            .filter(|address| address["type"] == "InternalIP")
            .find_map(|address| address["address"].as_str())
        else {
            continue;
        };
        let member = client.at(&format!("https://{address}:2379"));
        match member.members() {
            Ok(_) => return Ok(member),
            Err(failure) => last = failure,
        }
    }
    Err(last.context("error execution phase check-etcd: could not retrieve the list of etcd endpoints"))
}

/// Checks that all members answer: with one that does not, adding another could cost the quorum.
pub(super) fn check(through: &Etcd) -> Result<()> {
    for member in through.members()? {
        if member.name.is_empty() {
            continue;
        }
        if let Err(failure) = through.at(&member.client).status() {
            refuse!(
                "error execution phase check-etcd: etcd cluster is not healthy: failed to dial endpoint {} with maintenance client: {failure}",
                member.client
            );
        }
    }
    Ok(())
}

/// Adds this machine's member, without a vote; returns its id and the `--initial-cluster` that it starts with.
pub(super) fn add(through: &Etcd, name: &str, address: &str) -> Result<(String, String)> {
    let peer = format!("https://{address}:2380");
    say(&format!("[etcd] Adding etcd member as learner: {peer}"))?;
    let found = through.members()?;
    // Of a join that was cut off.
    let members =
        if found.iter().any(|member| member.peer == peer) { found } else { through.add_learner(&peer)? };
    let Some(own) = members.iter().find(|member| member.peer == peer) else {
        refuse!("error execution phase etcd-join: etcd does not list {peer}");
    };
    if !own.name.is_empty() && !own.is_learner {
        refuse!(
            "error execution phase etcd-join: etcd has a member {} with the address {peer} already",
            own.name
        );
    }
    Ok((own.id.clone(), initial_cluster(&members, name, &peer)))
}

fn initial_cluster(members: &[Member], name: &str, peer: &str) -> String {
    let named = |member: &Member| {
        let name = if member.peer == peer { name } else { &member.name };
        format!("{name}={}", member.peer)
    };
    members.iter().map(named).collect::<Vec<_>>().join(",")
}

/// Waits until this machine's member has caught up, and gives it its vote.
pub(super) fn promote(through: &Etcd, id: &str) -> Result<()> {
    wait("etcd-join", init::HEALTH, || {
        if through.members()?.iter().any(|member| member.id == id && !member.is_learner) {
            return Ok(());
        }
        through.promote(id)
    })
}

/// Takes this machine's member out of etcd, which it cannot do when the others have no quorum.
pub(super) fn leave(certificates: &Path) -> Result<()> {
    let plane = Plane::read()?;
    let own = client(certificates)?;
    let members = own.members()?;
    if members.len() == 1 {
        return say("[reset] The etcd member is the only one: its data goes with it");
    }
    let Some(member) = members.iter().find(|member| member.name == plane.node) else { return Ok(()) };
    let others =
        members.iter().filter(|other| other.id != member.id && !other.is_learner && !other.name.is_empty());
    let others: Vec<Etcd> = others.map(|other| own.at(&other.client)).collect();
    say(&format!("[reset] Removing the etcd member {}", member.name))?;
    wait("remove-etcd-member", REMOVAL, || {
        let mut last = Ok(());
        for other in &others {
            last = other.remove(&member.id);
            if last.is_ok() {
                break;
            }
        }
        last
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_starts_with_all_others_and_itself() {
        let member = |name: &str, peer: &str| Member {
            id: peer.to_owned(),
            name: name.to_owned(),
            peer: peer.to_owned(),
            client: String::new(),
            is_learner: name.is_empty(),
        };
        let members = [member("cp-1", "https://a:2380"), member("", "https://b:2380")];
        assert_eq!(
            initial_cluster(&members, "cp-2", "https://b:2380"),
            "cp-1=https://a:2380,cp-2=https://b:2380"
        );
    }
}
