//! What an append block holds: a line that names the commit, then a line a fact.
//!
//! The name is random, so that a writer who got no answer finds its own block again. A block without facts is a
//! fence: it moves the end, so that who wrote to the old end is turned away.

use azure_core::Bytes;

use crate::ledger::journal::Position;

/// Begins the line that names a commit; a fact's line begins with its version digit.
const COMMIT: u8 = b'#';

/// A place between two blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// How many facts stand before it.
    pub position: Position,
    /// How many bytes stand before it.
    pub offset: u64,
}

/// One commit as it is stored.
pub fn block(facts: &[Vec<u8>], commit: [u8; 8]) -> Bytes {
    let mut bytes = vec![COMMIT];
    bytes.extend_from_slice(hex::encode(commit).as_bytes());
    bytes.push(b'\n');
    for fact in facts {
        bytes.extend_from_slice(fact);
        bytes.push(b'\n');
    }
    bytes.into()
}

/// A run of whole blocks.
#[derive(Debug, PartialEq)]
pub struct Blocks<'a> {
    /// Each fact's stored form, in order.
    pub facts: Vec<&'a [u8]>,
    /// Where each block begins, then where the last one ends.
    pub marks: Vec<Mark>,
}

impl<'a> Blocks<'a> {
    /// Takes apart what stands behind `start`. `None` when it ends within a line: blocks are stored whole, so
    /// the answer was cut.
    pub fn read(bytes: &'a [u8], start: Mark) -> Option<Self> {
        let mut blocks = Self { facts: vec![], marks: vec![] };
        let mut end = start;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let content = line.strip_suffix(b"\n")?;
            if content.first() == Some(&COMMIT) {
                blocks.marks.push(end);
            } else {
                blocks.facts.push(content);
                end.position += 1;
            }
            end.offset += line.len() as u64;
        }
        blocks.marks.push(end);
        Some(blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::journal::encode,
        session::{Fact, UserSaid},
    };

    fn fact(id: &str) -> Vec<u8> {
        encode(&Fact::UserSaid(Box::new(UserSaid { client_id: Some(id.to_owned()), ..UserSaid::default() })))
    }

    #[test]
    fn facts_come_back_with_the_places_between_their_blocks() {
        let (first, second) = (block(&[fact("a"), fact("b\n#c")], [1; 8]), block(&[fact("d")], [2; 8]));
        let all = [first.as_ref(), second.as_ref()].concat();
        let start = Mark { position: 5, offset: 100 };
        let blocks = Blocks::read(&all, start).expect("whole");
        assert_eq!(blocks.facts, [fact("a"), fact("b\n#c"), fact("d")]);
        let middle = Mark { position: 7, offset: 100 + first.len() as u64 };
        let end = Mark { position: 8, offset: 100 + all.len() as u64 };
        assert_eq!(blocks.marks, [start, middle, end]);
    }

    #[test]
    fn a_fence_moves_the_end_without_a_fact() {
        let fence = block(&[], [7; 8]);
        let blocks = Blocks::read(&fence, Mark::default()).expect("whole");
        assert_eq!(blocks.facts, [[0_u8; 0]; 0]);
        assert_eq!(blocks.marks.last(), Some(&Mark { position: 0, offset: fence.len() as u64 }));
    }

    #[test]
    fn an_answer_that_was_cut_is_no_journal() {
        let whole = block(&[fact("a")], [1; 8]);
        assert_eq!(Blocks::read(&whole[..whole.len() - 1], Mark::default()), None);
    }
}
