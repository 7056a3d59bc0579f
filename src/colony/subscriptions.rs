//! Clients that wait for events of processes (chapter 4, 6 and 7).
//!
//! They take no part in handing out work: every subscriber gets every event that it asked for, and no other.

use super::Colony;
use super::access;
use super::channels::{Channels, Entry, NoChannel};
use super::history::{Lookup, Missing, ProcessRecord};
use super::processes::{ProcessAnswer, ProcessState};
use crate::crypto::Identity;
use crate::ids::ProcessId;
use crate::map::{HashMap, remove_from};
use crate::refusal::Refusal;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where a subscription's events go.
pub trait Subscriber: Send + Sync {
    /// Something for the subscriber. It must not block; what it can't take, it ends by itself.
    fn tell(&self, said: Said);
}

/// What a subscriber is told.
#[derive(Clone)]
pub enum Said {
    /// A process is in the state that was asked for.
    Event(Arc<ProcessAnswer>),
    /// What was on the channel already.
    Backlog(Vec<Arc<Entry>>),
    /// Something was said on the channel.
    Entry(Arc<Entry>),
    /// The channel is closed: its process has ended.
    Closed,
    /// The subscription is over: its subscriber may not have it any more.
    Refused(Refusal),
}

/// The number of a subscription within its colony.
pub type SubscriptionId = u64;

/// What is subscribed to.
#[derive(Clone, Debug)]
pub enum Topic {
    /// One process in a state.
    Process {
        /// Which.
        id: ProcessId,
        /// The state's number; one that does not exist never fires.
        state: i64,
    },
    /// All processes for one executor type in a state.
    ExecutorType {
        /// Which.
        name: Box<str>,
        /// The state's number.
        state: i64,
    },
    /// A channel of a process.
    Channel {
        /// Whose.
        process: ProcessId,
        /// Which.
        name: Box<str>,
        /// How many of its entries to leave out.
        after: i64,
    },
}

/// What subscriptions are found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One process.
    Process(ProcessId),
    /// All processes for one executor type.
    ExecutorType(Box<str>),
    /// The channels of a process.
    Channels(ProcessId),
}

impl Topic {
    fn subject(&self) -> Subject {
        match self {
            Topic::Process { id, .. } => Subject::Process(*id),
            Topic::ExecutorType { name, .. } => Subject::ExecutorType(name.clone()),
            Topic::Channel { process, .. } => Subject::Channels(*process),
        }
    }
}

/// A subscription.
pub struct Subscription {
    /// Who subscribed.
    pub identity: Identity,
    /// To what.
    pub topic: Topic,
    /// Where events go.
    pub subscriber: Arc<dyn Subscriber>,
}

impl Subscription {
    /// Whether it is to processes in this state.
    fn is_to_state(&self, wanted: ProcessState) -> bool {
        match self.topic {
            Topic::Process { state, .. } | Topic::ExecutorType { state, .. } => state == wanted as i64,
            Topic::Channel { .. } => false,
        }
    }

    /// Whether it is to the channel of this name.
    pub(crate) fn is_to_channel(&self, wanted: &str) -> bool {
        matches!(&self.topic, Topic::Channel { name, .. } if **name == *wanted)
    }
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

/// What a turn tells a subscriber, once the turn's record is durable; entries of channels at once.
pub struct Notice {
    /// Whom.
    pub to: Arc<dyn Subscriber>,
    /// What.
    pub said: Said,
}

impl Notice {
    /// Tells it.
    pub fn tell(self) {
        self.to.tell(self.said);
    }

    /// Whether this is about what is in memory only, and so waits for no record.
    pub fn is_volatile(&self) -> bool {
        matches!(self.said, Said::Backlog(_) | Said::Entry(_))
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
        self.by_subject.entry(subscription.topic.subject()).or_default().insert(id);
        self.by_identity.entry(subscription.identity.clone()).or_default().insert(id);
        self.all.insert(id, subscription);
        id
    }

    /// Ends a subscription.
    pub fn remove(&mut self, id: SubscriptionId) -> Option<Subscription> {
        let subscription = self.all.remove(&id)?;
        remove_from(&mut self.by_subject, &subscription.topic.subject(), &id);
        remove_from(&mut self.by_identity, &subscription.identity, &id);
        Some(subscription)
    }

    /// Those about this.
    pub(crate) fn on(&self, subject: &Subject) -> impl Iterator<Item = &Subscription> {
        self.by_subject.get(subject).into_iter().flatten().filter_map(|id| self.all.get(id))
    }

    /// Ends those about this for which it says so.
    pub(crate) fn remove_on(&mut self, subject: &Subject, ends: impl Fn(&Subscription) -> bool) -> Vec<Subscription> {
        let Some(ids) = self.by_subject.get(subject) else {
            return Vec::new();
        };
        let ending = |id: &&SubscriptionId| self.all.get(id).is_some_and(&ends);
        let ids: Vec<_> = ids.iter().filter(ending).copied().collect();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Adds to what this turn has to tell.
    pub(crate) fn add_notices(&mut self, notices: Vec<Notice>) {
        self.notices.extend(notices);
    }
}

impl Colony {
    /// Where to look for a member's process that is not in memory and may be past.
    pub fn lookup_for(&self, subscription: &Subscription) -> Option<Lookup> {
        let (Topic::Process { id, .. } | Topic::Channel { process: id, .. }) = &subscription.topic else {
            return None;
        };
        let may_be_past = !self.state.history.is_empty() && self.state.processes.get(id).is_none();
        (may_be_past && self.state.is_member(&subscription.identity)).then(|| self.lookup_of(Missing::Process(*id)))
    }

    /// Subscribes; what there is already is told at once. Both happen in one turn, so no change falls between them.
    ///
    /// # Errors
    /// 403 where there is no such process, or the caller is not a member (chapter 4, 9.5); those of a channel (6.5).
    pub fn subscribe(
        &mut self,
        subscription: Subscription,
        past: Option<Box<ProcessRecord>>,
    ) -> Result<(SubscriptionId, Option<Notice>), Refusal> {
        let said = match &subscription.topic {
            Topic::Process { id, .. } => {
                let present = self.state.processes.get(id).map(|process| ProcessAnswer::new(&self.state, process));
                let past = past.map(|record| {
                    let ProcessRecord { process, links, .. } = *record;
                    ProcessAnswer { process, colony: self.state.name.clone(), links }
                });
                let answer = present.or(past).ok_or_else(|| unknown_process(&id.to_string()))?;
                let is_there = subscription.is_to_state(answer.process.state);
                is_there.then(|| Said::Event(Arc::new(answer)))
            }
            // What has ended has no channels any more.
            Topic::Channel { process, .. } if past.is_some() && self.state.processes.get(process).is_none() => {
                return Err(NoChannel::NotFound.into());
            }
            Topic::ExecutorType { .. } if self.state.executors.acting(&subscription.identity).is_none() => {
                return Err(not_an_executor());
            }
            Topic::ExecutorType { .. } => None,
            Topic::Channel { process, name, after } => {
                let backlog = self.backlog(process, name, *after, &subscription.identity)?;
                (!backlog.is_empty()).then_some(Said::Backlog(backlog))
            }
        };
        if !self.state.is_member(&subscription.identity) {
            return Err(access::not_a_member(&self.state.name));
        }
        if self.subscriptions.len() >= self.options.max_subscriptions {
            return Err(Refusal::unavailable("too many subscriptions in this colony, try again later"));
        }
        let notice = said.map(|said| Notice { to: subscription.subscriber.clone(), said });
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
                let wanted = self.subscriptions.on(&subject).filter(|one| one.is_to_state(process.state));
                for subscription in wanted {
                    let answer = answer.get_or_insert_with(|| Arc::new(ProcessAnswer::new(&self.state, process)));
                    notices.push(Notice { to: subscription.subscriber.clone(), said: Said::Event(answer.clone()) });
                }
            }
        }
        self.subscriptions.notices.extend(notices);
    }

    /// What this turn has to tell its subscribers.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.subscriptions.notices)
    }

    /// Ends the subscriptions that an id may not have any more.
    pub(crate) fn end_subscriptions_of(&mut self, identity: &Identity, notices: &mut Vec<Notice>) {
        let Some(ids) = self.subscriptions.by_identity.get(identity) else {
            return;
        };
        let is_member = self.state.is_member(identity);
        let may_watch_types = self.state.executors.acting(identity).is_some();
        for id in ids.clone() {
            let refusal = match self.subscriptions.all.get(&id).map(|subscription| &subscription.topic) {
                _ if !is_member => access::not_a_member(&self.state.name),
                Some(Topic::ExecutorType { .. }) if !may_watch_types => not_an_executor(),
                _ => continue,
            };
            if let Some(subscription) = self.subscriptions.remove(id) {
                notices.push(Notice { to: subscription.subscriber, said: Said::Refused(refusal) });
            }
        }
    }

    /// Ends all subscriptions and channels: the colony is being removed.
    pub fn end_all_subscriptions(&mut self, refusal: &Refusal) -> Vec<Notice> {
        self.channels = Channels::default();
        std::mem::take(&mut self.subscriptions)
            .all
            .into_values()
            .map(|subscription| Notice { to: subscription.subscriber, said: Said::Refused(refusal.clone()) })
            .collect()
    }
}

/// 403 for whoever may not watch an executor type, and for a colony that is not there (chapter 4, 6.4).
pub fn not_an_executor() -> Refusal {
    Refusal::forbidden("executor not found")
}

/// 403 for a process that is not there; the text has no angle brackets (chapter 4, 6.3).
pub fn unknown_process(id: &str) -> Refusal {
    Refusal::forbidden(format!("Invalid process with Id {id}"))
}
