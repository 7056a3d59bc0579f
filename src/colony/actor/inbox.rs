//! What reaches a colony's actor, and the way in.

use super::ColonyActor;
use super::answers::{log_stopped, too_many_wait};
use crate::colony::mailbox::{Call, CheckpointStep, Ended, Mailbox, NotSubscribed, PastProcess, Retrieve, Subscribe};
use crate::colony::matching::Settled;
use crate::colony::poll::PollSlot;
use crate::colony::subscriptions::SubscriptionId;
use crate::limits;
use crate::refusal::Refusal;
use actix::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wal::OnDurable;

impl Actor for ColonyActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(limits::MAILBOX);
        self.me = Some(ctx.address());
        self.is_founded();
        self.correct_history();
        self.surroundings.turned(&mut self.colony);
        self.arm(ctx);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        // Millions of records are not given back by a worker that others wait for.
        if let Some((_, Ended::Sealed)) = self.ended {
            let state = std::mem::take(&mut self.colony.state);
            std::thread::spawn(move || drop(state));
        }
    }
}

impl Message for Call {
    type Result = ();
}

impl Handler<Call> for ColonyActor {
    type Result = ();
    fn handle(&mut self, call: Call, ctx: &mut Self::Context) {
        self.handle_call(call);
        self.arm(ctx);
    }
}

struct Gone(Arc<PollSlot>);

impl Message for Gone {
    type Result = ();
}

impl Handler<Gone> for ColonyActor {
    type Result = ();
    fn handle(&mut self, Gone(slot): Gone, ctx: &mut Self::Context) {
        self.leavers.push(slot);
        self.tick();
        self.arm(ctx);
    }
}

impl Message for Subscribe {
    type Result = ();
}

impl Handler<Subscribe> for ColonyActor {
    type Result = ();
    fn handle(&mut self, Subscribe { subscription, reply, past }: Subscribe, _: &mut Self::Context) {
        if let Some((refusal, _)) = &self.ended {
            return reply(Err(NotSubscribed::Refused(refusal.clone())));
        }
        let past = match (past, self.colony.lookup_for(&subscription)) {
            (PastProcess::NotSearched, Some(lookup)) => return reply(Err(NotSubscribed::Elsewhere(lookup))),
            (PastProcess::NotSearched, None) => None,
            (PastProcess::Searched(found), _) => found,
        };
        if let Some(refusal) = too_many_wait(&self.stream) {
            return reply(Err(NotSubscribed::Refused(refusal)));
        }
        self.colony.heard_from(&subscription.identity, self.clock.monotonic());
        let mut subscribed = self.colony.subscribe(subscription, past);
        // Entries are passed on at once, so those that are there already must be too.
        if let Ok((_, notice)) = &mut subscribed
            && let Some(backlog) = notice.take_if(|notice| notice.is_volatile())
        {
            backlog.tell();
        }
        let then: OnDurable = Box::new(move |log| match (log, subscribed) {
            (wal::Outcome::Durable, Ok((id, notice))) => {
                reply(Ok(id));
                if let Some(notice) = notice {
                    notice.tell();
                }
            }
            (wal::Outcome::Durable, Err(refusal)) => reply(Err(NotSubscribed::Refused(refusal))),
            _ => reply(Err(NotSubscribed::Refused(log_stopped()))),
        });
        if self.stream.is_durable(self.stream.number()) {
            then(wal::Outcome::Durable);
        } else {
            self.stream.answer_after_queued(then);
        }
    }
}

struct Unsubscribe(SubscriptionId);

impl Message for Unsubscribe {
    type Result = ();
}

impl Handler<Unsubscribe> for ColonyActor {
    type Result = ();
    fn handle(&mut self, Unsubscribe(id): Unsubscribe, _: &mut Self::Context) {
        self.colony.subscriptions.remove(id);
    }
}

struct Seal(Refusal, Box<dyn FnOnce() + Send>);

impl Message for Seal {
    type Result = ();
}

impl Handler<Seal> for ColonyActor {
    type Result = ();
    fn handle(&mut self, Seal(refusal, done): Seal, ctx: &mut Self::Context) {
        let answers = self.colony.dismiss_all(&refusal);
        let notices = self.colony.end_all_subscriptions(&refusal);
        self.tell(Settled { answers, notices });
        self.end_jobs(&refusal);
        self.ended = Some((refusal, Ended::Sealed));
        if let Some((timer, _)) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        // An actor that has its own address never ends, and keeps what it held.
        self.me = None;
        done();
    }
}

impl Message for CheckpointStep {
    type Result = ();
}

impl Handler<CheckpointStep> for ColonyActor {
    type Result = ();
    fn handle(&mut self, step: CheckpointStep, _: &mut Self::Context) {
        self.step_checkpoint(step);
    }
}

struct Dismiss(Refusal);

impl Message for Dismiss {
    type Result = ();
}

impl Handler<Dismiss> for ColonyActor {
    type Result = ();
    fn handle(&mut self, Dismiss(refusal): Dismiss, _: &mut Self::Context) {
        let answers = self.colony.dismiss_all(&refusal);
        self.tell(Settled { answers, notices: Vec::new() });
    }
}

/// The way into an actor.
pub struct ActorMailbox {
    /// The actor.
    pub address: Addr<ColonyActor>,
    /// Counts what found the mailbox full.
    pub refusals: Arc<AtomicU64>,
}

impl ActorMailbox {
    /// What could not be sent.
    fn unsent<T>(&self, error: SendError<T>) -> T {
        match error {
            SendError::Full(message) => {
                self.refusals.fetch_add(1, Ordering::Relaxed);
                message
            }
            SendError::Closed(message) => message,
        }
    }
}

impl Mailbox for ActorMailbox {
    fn call(&self, call: Call) -> Result<(), Call> {
        self.address.try_send(call).map_err(|error| self.unsent(error))
    }
    fn gone(&self, poll: Arc<PollSlot>) {
        self.address.do_send(Gone(poll));
    }
    fn subscribe(&self, request: Subscribe) -> Result<(), Box<Subscribe>> {
        self.address.try_send(request).map_err(|error| Box::new(self.unsent(error)))
    }
    fn retrieve(&self, request: Retrieve) -> Result<(), Box<Retrieve>> {
        self.address.try_send(request).map_err(|error| Box::new(self.unsent(error)))
    }
    fn unsubscribe(&self, id: SubscriptionId) {
        self.address.do_send(Unsubscribe(id));
    }
    fn seal(&self, refusal: Refusal, done: Box<dyn FnOnce() + Send>) {
        self.address.do_send(Seal(refusal, done));
    }
    fn checkpoint(&self, step: CheckpointStep) {
        self.address.do_send(step);
    }
    fn dismiss(&self, refusal: Refusal) {
        self.address.do_send(Dismiss(refusal));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::actor::tests::Nobody;
    use crate::colony::colonies::statistics::GetColonyStats;
    use crate::colony::mailbox::ReplyTo;
    use crate::crypto::Identity;
    use std::time::Duration;
    use wal::MemoryLog;

    #[test]
    fn a_colony_that_is_removed_leaves_memory() {
        let surroundings = Arc::new(Nobody);
        let actor = ColonyActor::sample(Arc::new(MemoryLog::new()), surroundings.clone());
        actix_rt::System::new().block_on(async move {
            let mailbox = ActorMailbox { address: actor.start(), refusals: Arc::default() };
            let (tell, told) = tokio::sync::oneshot::channel();
            let done = Box::new(move || tell.send(()).unwrap_or_default());
            mailbox.seal(Refusal::unavailable("it is removed"), done);
            told.await.expect("a sealed colony says so");
            drop(mailbox);
            let gone = async {
                while Arc::strong_count(&surroundings) > 1 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), gone).await.expect("nobody has the actor any more");
        });
    }

    #[test]
    fn what_finds_the_mailbox_full_is_counted_and_what_finds_it_gone_is_not() {
        // Nothing runs: what is sent stays.
        let context = Context::<ColonyActor>::new();
        let mailbox = ActorMailbox { address: context.address(), refusals: Arc::default() };
        let send = || {
            let (command, reply) = (Box::new(GetColonyStats::default()), ReplyTo::Once(Box::new(|_| ())));
            mailbox.call(Call { caller: Identity::default(), command, reply, searched: false })
        };
        let refused = (0..limits::MAILBOX).filter(|_| send().is_err()).count() as u64;
        assert!(refused > 0);
        assert_eq!(mailbox.refusals.load(Ordering::Relaxed), refused);
        drop(context);
        assert!(send().is_err());
        assert_eq!(mailbox.refusals.load(Ordering::Relaxed), refused);
    }
}
