//! What the node answered before, for when it is to be behind.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

/// A replica that is behind is so by some blocks, not by a day.
const KEPT: usize = 8;

#[derive(Default)]
pub struct Earlier {
    /// The last different answers to a question, the newest at the end.
    answers: HashMap<String, VecDeque<Value>>,
}

impl Earlier {
    pub fn keep(&mut self, question: &str, answer: &Value) {
        let answers = self.answers.entry(question.to_owned()).or_default();
        if answers.back() == Some(answer) {
            return;
        }
        if answers.len() == KEPT {
            answers.pop_front();
        }
        answers.push_back(answer.clone());
    }

    /// What it answered before the newest answer; `choose` says which of so many.
    pub fn before(&self, question: &str, choose: impl FnOnce(usize) -> usize) -> Option<Value> {
        let answers = self.answers.get(question)?;
        let count = answers.len().checked_sub(1).filter(|count| *count > 0)?;
        answers.get(choose(count)).cloned()
    }
}
