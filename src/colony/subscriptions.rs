//! Clients that wait for events of processes (chapter 4, 6 and 7).
//!
//! They take no part in handing out work: every subscriber gets every event that it asked for, and no other.

use super::Colony;
use super::access;
use super::processes::ProcessAnswer;
use crate::crypto::Identity;
use crate::ids::ProcessId;
use crate::map::HashMap;
use crate::refusal::Refusal;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where a subscription's events go. It must not block; what it can't take, it ends by itself.
pub trait Subscriber: Send + Sync {
    /// A process is in the state that was asked for.
    fn event(&self, process: Arc<ProcessAnswer>);
    /// The subscription is over: its subscriber may not have it any more.
    fn end(&self, refusal: Refusal);
}

/// The number of a subscription within its colony.
pub type SubscriptionId = u64;

/// What is subscribed to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One process.
    Process(ProcessId),
    /// All processes for one executor type.
    ExecutorType(Box<str>),
}

/// A subscription.
pub struct Subscription {
    /// Who subscribed.
    pub identity: Identity,
    /// To what.
    pub subject: Subject,
    /// Which state, by number; one that does not exist never fires.
    pub state: i64,
    /// Where events go.
    pub subscriber: Arc<dyn Subscriber>,
}

/// The subscriptions of one colony.
#[derive(Default)]
pub struct Subscriptions {
    all: HashMap<SubscriptionId, Subscription>,
    by_subject: HashMap<Subject, BTreeSet<SubscriptionId>>,
    by_identity: HashMap<Identity, BTreeSet<SubscriptionId>>,
    next: SubscriptionId,
    /// What this turn has to tell so far.
    notices: Vec<Notice>,
}

impl std::fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} subscriptions", self.all.len())
    }
}

/// What a turn tells a subscriber, once the turn's record is durable.
pub enum Notice {
    /// An event.
    Event(Arc<dyn Subscriber>, Arc<ProcessAnswer>),
    /// The end.
    End(Arc<dyn Subscriber>, Refusal),
}

impl Notice {
    /// Tells it.
    pub fn tell(self) {
        match self {
            Notice::Event(subscriber, process) => subscriber.event(process),
            Notice::End(subscriber, refusal) => subscriber.end(refusal),
        }
    }
}

impl Subscriptions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn insert(&mut self, subscription: Subscription) -> SubscriptionId {
        let id = self.next;
        self.next += 1;
        self.by_subject.entry(subscription.subject.clone()).or_default().insert(id);
        self.by_identity.entry(subscription.identity.clone()).or_default().insert(id);
        self.all.insert(id, subscription);
        id
    }

    /// Ends a subscription.
    pub fn remove(&mut self, id: SubscriptionId) -> Option<Subscription> {
        let subscription = self.all.remove(&id)?;
        remove_from(&mut self.by_subject, &subscription.subject, id);
        remove_from(&mut self.by_identity, &subscription.identity, id);
        Some(subscription)
    }

    fn of(&self, subject: &Subject) -> impl Iterator<Item = &Subscription> {
        self.by_subject.get(subject).into_iter().flatten().filter_map(|id| self.all.get(id))
    }
}

fn remove_from<K: Eq + std::hash::Hash>(index: &mut HashMap<K, BTreeSet<SubscriptionId>>, key: &K, id: SubscriptionId) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}

impl Colony {
    /// Subscribes; where the process is in the wanted state already, it is told at once. Both happen in one turn, so no
    /// change falls between them.
    ///
    /// # Errors
    /// 403 where there is no such process, or the caller is not a member (chapter 4, 9.5).
    pub fn subscribe(&mut self, subscription: Subscription) -> Result<(SubscriptionId, Option<Notice>), Refusal> {
        let process = match &subscription.subject {
            Subject::Process(id) => match self.state.processes.get(id) {
                Some(process) => Some(process),
                None => return Err(unknown_process(&id.to_string())),
            },
            Subject::ExecutorType(_) if self.state.executors.acting(&subscription.identity).is_none() => {
                return Err(Refusal::forbidden("executor not found"));
            }
            Subject::ExecutorType(_) => None,
        };
        if !self.state.is_member(&subscription.identity) {
            return Err(access::not_a_member(&self.state.name));
        }
        if self.subscriptions.len() >= self.options.max_subscriptions {
            return Err(Refusal::unavailable("too many subscriptions in this colony, try again later"));
        }
        let notice = process.filter(|process| process.state as i64 == subscription.state).map(|process| {
            let answer = ProcessAnswer::new(&self.state, process);
            Notice::Event(subscription.subscriber.clone(), Arc::new(answer))
        });
        Ok((self.subscriptions.insert(subscription), notice))
    }

    /// Notes the events of what was just applied, for those who asked for them.
    pub(crate) fn collect_notices(&mut self) {
        let entered = std::mem::take(&mut self.state.changes.entered);
        if self.subscriptions.is_empty() {
            return;
        }
        let mut notices = Vec::new();
        for process in entered.iter().filter_map(|id| self.state.processes.get(id)) {
            let by_type = Subject::ExecutorType(process.spec.conditions.executor_type.clone());
            let mut answer: Option<Arc<ProcessAnswer>> = None;
            for subject in [Subject::Process(process.id), by_type] {
                let wanted = self.subscriptions.of(&subject).filter(|s| s.state == process.state as i64);
                for subscription in wanted {
                    let answer = answer.get_or_insert_with(|| Arc::new(ProcessAnswer::new(&self.state, process)));
                    notices.push(Notice::Event(subscription.subscriber.clone(), answer.clone()));
                }
            }
        }
        self.subscriptions.notices.extend(notices);
    }

    /// What this turn has to tell its subscribers.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.subscriptions.notices)
    }

    /// Ends the subscriptions of an id that is not a member any more.
    pub(crate) fn end_subscriptions_of(&mut self, id: &Identity, notices: &mut Vec<Notice>) {
        if self.state.is_member(id) {
            return;
        }
        let refusal = access::not_a_member(&self.state.name);
        for id in self.subscriptions.by_identity.get(id).cloned().unwrap_or_default() {
            if let Some(subscription) = self.subscriptions.remove(id) {
                notices.push(Notice::End(subscription.subscriber, refusal.clone()));
            }
        }
    }

    /// Ends all subscriptions: the colony is being removed.
    pub fn end_all_subscriptions(&mut self, refusal: &Refusal) -> Vec<Notice> {
        std::mem::take(&mut self.subscriptions)
            .all
            .into_values()
            .map(|subscription| Notice::End(subscription.subscriber, refusal.clone()))
            .collect()
    }
}

/// 403 for a process that is not there; the text has no angle brackets (chapter 4, 6.3).
pub fn unknown_process(id: &str) -> Refusal {
    Refusal::forbidden(format!("Invalid process with Id {id}"))
}
