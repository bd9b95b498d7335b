//! Longer tasks of the virtual agent's, told step by step.

use super::{
    super::super::fact::{Fact, Speaker},
    item::{Hearing, Key},
};
use crate::domain::control::{Control, Progress};

impl Hearing<'_> {
    /// What a longer task has done so far, when there is more of it than was told.
    pub(super) fn progress(&mut self, key: Option<String>, new: Vec<String>) {
        let (first, mut steps) = match self.task(key.as_deref()) {
            Some((first, steps)) => (Some(first), steps),
            None => (None, vec![]),
        };
        // Come once more, it would set back what has gone on since.
        let told = key.as_ref().map(|key| format!("{key}: {}", new.join("\n")));
        let before = steps.clone();
        for step in new {
            match steps.iter_mut().find(|known| without_status(known) == without_status(&step)) {
                Some(known) => *known = step,
                None => steps.push(step),
            }
        }
        if steps != before {
            let progress = Control::Progress(Progress { key, steps, first });
            self.told(told, Key::default(), Speaker::VirtualAgent, progress);
        }
    }

    /// Where a task was first shown and its steps so far, those of this message included.
    fn task(&self, key: Option<&str>) -> Option<(u64, Vec<String>)> {
        let key = key?;
        let mut here = self.placed().rev().filter_map(|(position, fact)| match fact {
            Fact::AgentSaid(said) => match &said.control {
                Control::Progress(Progress { key: Some(other), steps, first }) if other == key => {
                    Some((first.unwrap_or(position), steps.clone()))
                }
                _ => None,
            },
            _ => None,
        });
        here.next().or_else(|| self.state.tasks.get(key).cloned())
    }
}

/// A step of a longer task without what stands of it in brackets: its status changes, and it stays the same step.
fn without_status(step: &str) -> &str {
    step.strip_suffix(')').and_then(|step| step.rsplit_once(" (")).map_or(step, |(step, _)| step)
}
