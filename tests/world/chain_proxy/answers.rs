//! What becomes of a request: its calls, what goes wrong with each, and what the worker is told.

use serde_json::{Value, json};
use tokio::time::sleep;

use super::Between;
use super::faults::Fault;
use super::node::Said;

/// How a request ends.
pub enum Reply {
    Said(Value),
    Status(u16),
    Cut,
}

impl Between {
    /// One call or a batch of them.
    pub async fn take(&self, asked: &[u8]) -> Reply {
        self.reinject_by_chance().await;
        self.offer_held().await;
        match serde_json::from_slice(asked) {
            Ok(Value::Array(calls)) => self.take_all(&calls).await,
            Ok(call) => self.take_one(&call, self.fault_of(&call, false)).await,
            Err(_) => said(&Value::Null, refused(-32_700, "parse error")),
        }
    }

    /// What goes wrong with the connection goes wrong with all calls that came by it.
    async fn take_all(&self, calls: &[Value]) -> Reply {
        let is_again = |at: usize| calls[..at].iter().any(|it| it["method"] == calls[at]["method"]);
        let faults = calls.iter().enumerate().map(|(at, call)| self.fault_of(call, is_again(at)));
        let mut faults: Vec<_> = faults.collect();
        let is_before = |fault: &&Fault| matches!(fault, Fault::CutBefore | Fault::Http(_));
        if let Some(before) = faults.iter().flatten().find(is_before).cloned() {
            faults.fill(Some(before));
        }
        let (mut answers, mut end) = (Vec::new(), None);
        for (call, fault) in calls.iter().zip(faults) {
            match self.take_one(call, fault).await {
                Reply::Said(answer) => answers.push(answer),
                reply => end = Some(reply),
            }
        }
        end.unwrap_or(Reply::Said(Value::Array(answers)))
    }

    async fn take_one(&self, call: &Value, fault: Option<Fault>) -> Reply {
        let sent = self.note(call);
        let id = &call["id"];
        match fault {
            Some(Fault::CutBefore) => return Reply::Cut,
            Some(Fault::Http(status)) => return Reply::Status(status),
            Some(Fault::Error(code, text)) => return said(id, refused(code, &text)),
            Some(Fault::AlreadyKnown) => return said(id, refused(-32_000, "already known")),
            Some(Fault::Null) => return said(id, Ok(Value::Null)),
            Some(Fault::Late(delay)) => sleep(delay).await,
            _ => {}
        }
        // As if the node itself were not there.
        let Some(answer) = self.pass_on(call, sent).await else { return Reply::Cut };
        match fault {
            Some(Fault::CutAfter) => return Reply::Cut,
            Some(Fault::HttpAfter(status)) => return Reply::Status(status),
            Some(Fault::ErrorAfter(code, text)) => return said(id, refused(code, &text)),
            Some(Fault::Stale) => return said(id, self.before(call).map_or(answer, Ok)),
            Some(Fault::Reverted) => return said(id, answer.map(reverted)),
            Some(Fault::Slow(delay)) => sleep(delay).await,
            _ => {}
        }
        said(id, answer)
    }

    fn fault_of(&self, call: &Value, again: bool) -> Option<Fault> {
        let method = call["method"].as_str().unwrap_or_default();
        self.faults.lock().unwrap().of(method, again, &self.chance)
    }
}

/// A receipt as if its transaction had failed.
fn reverted(mut receipt: Value) -> Value {
    if receipt["status"] == "0x1" {
        receipt["status"] = json!("0x0");
    }
    receipt
}

fn refused(code: i64, text: &str) -> Said {
    Err(json!({ "code": code, "message": text }))
}

fn said(id: &Value, answer: Said) -> Reply {
    let (name, value) = match answer {
        Ok(result) => ("result", result),
        Err(error) => ("error", error),
    };
    Reply::Said(json!({ "jsonrpc": "2.0", "id": id, name: value }))
}
