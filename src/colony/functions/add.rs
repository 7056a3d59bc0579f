//! `addfunctionmsg`: an executor registers a function (chapter 2, 9.1).

use super::{Function, FunctionEvent};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::names::check_text;
use crate::hexadecimal;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddFunction {
    fun: Option<Box<Function>>,
    /// The name that the crate `colonyos` uses for `fun` (chapter 2, 11.3).
    function: Option<Box<Function>>,
}

impl AddFunction {
    fn given(&self) -> Option<&Function> {
        self.fun.as_deref().or(self.function.as_deref())
    }
}

impl ColonyMessage for AddFunction {
    const NAME: &'static str = "addfunctionmsg";
    const TEXTS: Texts = texts!("Failed to add function");
    const ACCESS: Access = Access::Executor;

    fn check(&self) -> Result<(), Refusal> {
        match self.given() {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to add function, msg.Function is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.given().map_or("", |function| &function.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let mut function = self.fun.or(self.function).unwrap_or_default();
        let state = &turn.colony.state;
        let Some(executor) = state.executors.get(&function.executorname) else {
            return Err(Refusal::bad_request(format!(
                "Failed to add function, Executor with name <{}> does not exist",
                function.executorname
            )));
        };
        if executor.executorid != *turn.caller {
            return Err(Refusal::forbidden("Not allowed to add a function to another executor"));
        }
        turn.colony.check_count("Failed to add function", "functions", state.functions.len())?;
        let texts = [
            ("function id", &function.functionid),
            ("executor type", &function.executortype),
            ("function name", &function.funcname),
            ("description", &function.description),
        ];
        texts.into_iter().try_for_each(|(kind, text)| check_text("Failed to add function", kind, text))?;
        if i32::try_from(function.counter).is_err() {
            return Err(Refusal::bad_request("Failed to add function, counter is out of range"));
        }
        if function.functionid.is_empty() {
            function.functionid = hexadecimal::encode(turn.ids.random());
        } else if state.functions.get(&function.functionid).is_some() {
            return Err(Refusal::odd("Failed to add function, a function with this id exists already"));
        }
        function.locationname.clone_from(&executor.locationname);
        let shown = function.clone();
        Ok(Decision::reply(vec![Event::Function(FunctionEvent::Added(function))], move |_| shown))
    }
}
