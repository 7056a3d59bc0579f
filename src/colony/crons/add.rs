//! `addcronmsg`: a member adds a cron (chapter 3, 6.6).

use super::expression::Expression;
use super::rhythm::next_run;
use super::{Cron, CronAnswer, CronEvent};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::ids::CronId;
use crate::refusal::Refusal;
use crate::texts;
use crate::time::Time;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddCron {
    cron: Option<Box<CronRequest>>,
}

/// A cron as it is sent. Its id, who added it and its previous workflow are not taken from the client: the outputs of a
/// workflow that it names would be handed to it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct CronRequest {
    colonyname: String,
    name: String,
    cronexpression: String,
    interval: i64,
    random: bool,
    nextrun: Time,
    lastrun: Time,
    workflowspec: String,
    waitforprevprocessgraph: bool,
    // Read so that a wrong type is refused.
    #[serde(rename = "cronid")]
    _cronid: String,
    #[serde(rename = "initiatorid")]
    _initiatorid: String,
    #[serde(rename = "initiatorname")]
    _initiatorname: String,
    #[serde(rename = "prevprocessgraphid")]
    _prevprocessgraphid: String,
    #[serde(rename = "checkerperiod")]
    _checkerperiod: i64,
}

const PREFIX: &str = "Failed to add cron";

impl CronRequest {
    /// The interval, once it and the expression are found to be right.
    fn check_rhythm(&self) -> Result<i32, Refusal> {
        if self.interval < -1 || self.interval == 0 {
            return Err(Refusal::bad_request("Cron interval must be -1 (disabled) or larger than 0"));
        }
        if self.interval == -1 {
            Expression::parse(&self.cronexpression).map_err(Refusal::bad_request)?;
            if self.random {
                return Err(Refusal::bad_request("Random cron is only supported when specifying intervals"));
            }
        }
        i32::try_from(self.interval).map_err(|_| {
            Refusal::bad_request(format!("{PREFIX}, value {} is out of range for interval", self.interval))
        })
    }
}

impl ColonyMessage for AddCron {
    const NAME: &'static str = "addcronmsg";
    const TEXTS: Texts = texts!("Failed to add cron");
    const ACCESS: Access = Access::Member;

    fn check(&self) -> Result<(), Refusal> {
        match &self.cron {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to add cron, msg.Cron is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.cron.as_ref().map_or("", |cron| &cron.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let request = self.cron.unwrap_or_default();
        let state = &turn.colony.state;
        turn.colony.check_workflow(&request.workflowspec, PREFIX)?;
        let interval = request.check_rhythm()?;
        if request.name.contains('\0') || request.cronexpression.contains('\0') {
            return Err(Refusal::bad_request(format!("{PREFIX}, a text contains a zero byte")));
        }
        let Some(starter) = turn.colony.starter(turn.caller) else {
            return Err(Refusal::odd("Could not derive InitiatorName"));
        };
        if state.crons.has_name(&request.name) {
            return Err(Refusal::bad_request(format!(
                "Cron with name <{}> in Colony <{}> already exists",
                request.name, state.name
            )));
        }
        turn.colony.check_count(PREFIX, "crons", state.crons.len())?;
        turn.colony.check_bytes(request.workflowspec.len() + request.name.len() + request.cronexpression.len())?;
        let now = turn.time();
        let mut cron = Cron {
            id: CronId::new(state.incarnation, turn.now, turn.ids.random()),
            starter,
            name: request.name.into(),
            expression: request.cronexpression.into(),
            interval,
            random: request.random,
            waits: request.waitforprevprocessgraph,
            workflow: request.workflowspec.into(),
            next_run: request.nextrun,
            last_run: request.lastrun,
            previous: None,
            anchor: now.max(request.nextrun),
        };
        // Answered as the reference does: before anything was computed.
        let answer = CronAnswer { cron: cron.clone(), colony: state.name.clone(), checker_period: 0 };
        if !cron.next_run.is_set() {
            cron.next_run = next_run(&cron, now, &turn.colony.options.zone, turn.ids.random());
            cron.last_run = Time::UNSET;
        }
        let events = vec![Event::Cron(CronEvent::Added(Box::new(cron)))];
        Ok(Decision::reply(events, move |_| Box::new(answer)))
    }
}
