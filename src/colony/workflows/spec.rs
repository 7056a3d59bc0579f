//! The workflow specification as clients send it (chapter 3, 2.1), and what is refused of it.

use super::SubmittedNode;
use crate::colony::Bounds;
use crate::colony::processes::Submission;
use crate::colony::processes::spec_request::SpecRequest;
use crate::crypto::Identity;
use crate::ids::ProcessId;
use crate::map::HashMap;
use crate::refusal::Refusal;
use serde::Deserialize;
use std::sync::Arc;

/// A workflow in a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkflowSpec {
    /// The colony; holds for every node.
    pub colonyname: String,
    /// One specification a node.
    pub functionspecs: Vec<SpecRequest>,
}

impl WorkflowSpec {
    /// Checks it and makes its nodes: before anything is stored.
    ///
    /// # Errors
    /// 500 with the texts of chapter 3, 4.1, also for a cycle, which the reference takes and never finishes; 400 for
    /// what a single submit refuses too, and for a graph over the limits.
    pub fn into_nodes(
        self,
        initiator: &Identity,
        initiator_name: &str,
        bounds: Bounds,
        mut fresh: impl FnMut() -> ProcessId,
    ) -> Result<Vec<SubmittedNode>, Refusal> {
        let dependencies: usize = self.functionspecs.iter().map(|node| node.dependencies().len()).sum();
        if self.functionspecs.len() > bounds.graph_nodes || dependencies > bounds.graph_dependencies {
            return Err(Refusal::bad_request(format!(
                "Failed to submit workflow, more than {} nodes or {} dependencies",
                bounds.graph_nodes, bounds.graph_dependencies
            )));
        }
        let mut places: HashMap<Box<str>, u32> = HashMap::default();
        for (place, node) in self.functionspecs.iter().enumerate() {
            let name = node.node_name();
            if name.is_empty() {
                return Err(Refusal::odd("Nodename is missing, check function spec for errors"));
            }
            // Below the bound that was just checked, which fits.
            if places.insert(name.into(), place as u32).is_some() {
                return Err(Refusal::odd(format!("Duplicate nodename: {name}")));
            }
        }
        let parents = self
            .functionspecs
            .iter()
            .map(|node| node.dependencies().iter().map(|name| places.get(name).copied()).collect())
            .collect::<Option<Vec<Vec<u32>>>>();
        let Some(parents) = parents else {
            return Err(Refusal::odd(
                "Failed to submit workflow, invalid dependencies, are you depending on a nodename that does not exits?",
            ));
        };
        if let Some(place) = on_a_cycle(&parents) {
            return Err(Refusal::odd(format!(
                "Failed to submit workflow, node {} depends on itself through its dependencies",
                self.functionspecs[place].node_name()
            )));
        }
        let nodes = self.functionspecs.into_iter().zip(parents).map(|(node, parents)| {
            let (spec, env) = node.into_node_spec()?;
            let process = Submission {
                id: fresh(),
                initiator: initiator.clone(),
                initiator_name: initiator_name.into(),
                spec: Arc::new(spec),
                env,
            };
            Ok(SubmittedNode { process, parents })
        });
        nodes.collect()
    }
}

/// A node that can never run because it depends on itself, directly or through others: found by taking away, again and
/// again, what depends on nothing that is left.
fn on_a_cycle(parents: &[Vec<u32>]) -> Option<usize> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    for (node, parents) in parents.iter().enumerate() {
        for &parent in parents {
            children[parent as usize].push(node);
        }
    }
    let mut unmet: Vec<usize> = parents.iter().map(Vec::len).collect();
    let mut free: Vec<usize> = (0..parents.len()).filter(|&node| unmet[node] == 0).collect();
    while let Some(node) = free.pop() {
        for &child in &children[node] {
            unmet[child] -= 1;
            if unmet[child] == 0 {
                free.push(child);
            }
        }
    }
    unmet.iter().position(|&unmet| unmet > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(specs: &str) -> Result<Vec<Vec<u32>>, Refusal> {
        let spec: WorkflowSpec =
            crate::json::decode(format!("{{\"functionspecs\":{specs}}}").as_bytes()).expect("JSON");
        let nodes = spec.into_nodes(&Identity::from_text("u"), "u", Bounds::default(), || ProcessId([0; 32]))?;
        Ok(nodes.into_iter().map(|node| node.parents).collect())
    }

    #[test]
    fn dependencies_become_places() {
        let specs = r#"[{"nodename":"d","conditions":{"dependencies":["b","c","b"]}},{"nodename":"b"},{"nodename":"c","conditions":{"dependencies":["b"]}}]"#;
        assert_eq!(nodes(specs), Ok(vec![vec![1, 2, 1], vec![], vec![1]]));
        assert_eq!(nodes("[]"), Ok(vec![]));
    }

    #[test]
    fn what_can_not_run_is_refused() {
        for (specs, text) in [
            (r#"[{"nodename":"a"},{}]"#, "Nodename is missing, check function spec for errors"),
            (r#"[{"nodename":"a"},{"nodename":"a"}]"#, "Duplicate nodename: a"),
            (r#"[{"nodename":"a","conditions":{"dependencies":["x"]}}]"#, "does not exits?"),
            (r#"[{"nodename":"a","conditions":{"dependencies":["a"]}}]"#, "node a depends on itself"),
            (
                r#"[{"nodename":"r"},{"nodename":"a","conditions":{"dependencies":["r","b"]}},{"nodename":"b","conditions":{"dependencies":["a"]}}]"#,
                "node a depends on itself",
            ),
        ] {
            let refusal = nodes(specs).expect_err(specs);
            assert!(refusal.status == 500 && refusal.message.contains(text), "{refusal:?}");
        }
    }
}
