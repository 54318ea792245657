//! Through lists of tasks and blocks.

use std::pin::Pin;
use std::sync::Arc;

use super::host::{PlayHost, contains};
use super::play::PlayRun;
use crate::playbook::{Block, Item};

/// What waits for a host that fails.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Around {
    /// A `rescue` further out, which mends it.
    pub(super) rescue: bool,
    /// An `always`, before it is gone.
    pub(super) always: bool,
}

/// The hosts that go on.
type Survivors<'a> = Pin<Box<dyn Future<Output = Vec<Arc<PlayHost>>> + Send + 'a>>;

impl PlayRun<'_> {
    /// Runs tasks and blocks in order on hosts; returns those that go on. A host that fails leaves the list, and what
    /// stands around decides what becomes of it.
    pub(super) fn items<'a>(
        &'a self,
        items: &'a [Item],
        hosts: Vec<Arc<PlayHost>>,
        around: Around,
    ) -> Survivors<'a> {
        Box::pin(async move {
            let mut hosts = hosts;
            for item in items {
                hosts.retain(|host| host.is_present());
                if hosts.is_empty() || self.run.is_interrupted() {
                    break;
                }
                hosts = match item {
                    Item::Task(task) => self.task(task, hosts, around).await,
                    Item::Block(block) => self.block(block, hosts, around).await,
                };
            }
            hosts.retain(|host| host.is_present());
            hosts
        })
    }

    /// Runs a block: its tasks, `rescue` for the hosts that failed in them, `always` for all.
    async fn block(&self, block: &Block, hosts: Vec<Arc<PlayHost>>, around: Around) -> Vec<Arc<PlayHost>> {
        if let Some(used) = &block.role {
            return self.role(block, used, hosts, around).await;
        }
        let entered = hosts.clone();
        let has = |items: &[Item]| !items.is_empty();
        let outside = Around { always: around.always || has(&block.always), ..around };
        let inside = Around { rescue: around.rescue || has(&block.rescue), ..outside };
        let mut survivors = self.items(&block.items, hosts, inside).await;
        if !block.rescue.is_empty() {
            let failed = difference(&entered, &survivors);
            let rescued = self.items(&block.rescue, failed, outside).await;
            survivors = union_in_order(&entered, &survivors, &rescued);
        }
        if !block.always.is_empty() {
            let present = entered.iter().filter(|host| host.is_present()).cloned().collect();
            let finished = self.items(&block.always, present, around).await;
            survivors.retain(|host| contains(&finished, host));
        }
        survivors
    }
}

/// Those that entered, are still present, and are not among the survivors.
fn difference(entered: &[Arc<PlayHost>], survivors: &[Arc<PlayHost>]) -> Vec<Arc<PlayHost>> {
    entered.iter().filter(|host| host.is_present() && !contains(survivors, host)).cloned().collect()
}

fn union_in_order(
    entered: &[Arc<PlayHost>],
    one: &[Arc<PlayHost>],
    two: &[Arc<PlayHost>],
) -> Vec<Arc<PlayHost>> {
    entered.iter().filter(|host| contains(one, host) || contains(two, host)).cloned().collect()
}
