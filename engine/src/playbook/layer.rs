//! What stands around a task: the blocks, roles, includes and the play it is in.

use std::path::PathBuf;
use std::sync::Arc;

use clouder_lang::Span;

use super::{Keywords, Role};

/// One thing that stands around tasks. Tasks keep the innermost; each keeps the next one out, up to the play.
#[derive(Debug)]
pub struct Layer {
    /// What it is.
    pub origin: Origin,
    /// What it says for all inside.
    pub keywords: Keywords,
    /// The next one out.
    pub parent: Option<Arc<Self>>,
    /// Where it was written: the play, the block, the import, or the place of use.
    pub span: Span,
}

/// What stands around tasks.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The play.
    Play,
    /// A `block`.
    Block,
    /// A role, listed in `roles`, imported, included, or a dependency; `keywords.vars` are its parameters.
    Role(Arc<Role>),
    /// The parameters of a role around those it depends on.
    Parameters,
    /// A file of tasks imported while loading; its `vars` weigh as much as a block's.
    Tasks(PathBuf),
    /// A file of tasks or a role included while running; `keywords.vars` are its parameters.
    Include(PathBuf),
}

impl Layer {
    /// This layer and those around it, innermost first.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |layer| layer.parent.as_deref())
    }

    /// The innermost role around.
    pub fn role(&self) -> Option<&Arc<Role>> {
        self.roles().next()
    }

    /// The roles around, innermost first.
    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.chain().filter_map(|layer| match &layer.origin {
            Origin::Role(role) => Some(role),
            Origin::Play | Origin::Block | Origin::Parameters | Origin::Tasks(_) | Origin::Include(_) => None,
        })
    }
}
