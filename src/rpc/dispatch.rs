//! The table of all messages: one line each.

use crate::colony::access::Access;
use crate::colony::message::{ColonyMessage, Command, Texts};
use crate::colony::{
    attributes, blueprints, channels, colonies, crons, executors, files, functions, generators, locations, logs,
    processes, snapshots, users, workflows,
};
use crate::json;
use crate::refusal::Refusal;
use crate::server;
use crate::server::message::{ServerCommand, ServerMessage};
use crate::server::open::OpenMessage;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A message that was read.
pub enum Decoded {
    /// For a colony.
    Colony(Box<dyn Command>),
    /// For the server itself.
    Server(Box<dyn ServerCommand>),
    /// For anyone, unsigned.
    Open(OpenMessage),
}

/// Reads a payload whose lists have so many elements at most: the message, and its `msgtype`.
type Decode = fn(&[u8], usize) -> Option<(Decoded, String)>;

/// A line of the table.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The envelope's `payloadtype`.
    pub name: &'static str,
    /// Who may send it.
    pub access: Access,
    /// Whether the answer is the request's payload.
    pub echoes: bool,
    decode: Decode,
    texts: Texts,
}

impl Entry {
    /// Reads a message whose lists have so many elements at most; `None` stands for a payload that is not even base64.
    ///
    /// # Errors
    /// 400 with the message's own texts.
    pub fn decode(&self, payload: Option<&[u8]>, elements: usize) -> Result<Decoded, Refusal> {
        // Any payload will do for this one, even none (chapter 1, 12.2).
        let payload = payload.or((self.name == SERVER_INFO).then_some(b"{}"));
        let Some((decoded, tag)) = payload.and_then(|payload| (self.decode)(payload, elements)) else {
            return Err(Refusal::bad_request(self.texts.invalid_json));
        };
        if tag != self.name {
            return Err(Refusal::bad_request(self.texts.mismatch));
        }
        Ok(decoded)
    }

    /// Whether its sender waits for a process.
    pub fn parks(&self) -> bool {
        self.name == processes::assign::AssignProcess::NAME
    }
}

const SERVER_INFO: &str = "getserverinfomsg";

/// All messages.
pub static TABLE: &[Entry] = &[
    server::<server::add_colony::AddColony>(),
    server::<server::remove_colony::RemoveColony>(),
    server::<server::list_colonies::GetColonies>(),
    server::<server::change_id::ChangeServerId>(),
    server::<server::statistics::GetStatistics>(),
    server::<server::cluster::GetCluster>(),
    open("versionmsg", OpenMessage::Version, server::open::VERSION_TEXTS),
    open(SERVER_INFO, OpenMessage::ServerInfo, server::open::VERSION_TEXTS),
    colony::<colonies::get::GetColony>(),
    colony::<colonies::statistics::GetColonyStats>(),
    colony::<colonies::change_id::ChangeColonyId>(),
    colony::<colonies::pause::PauseAssignments>(),
    colony::<colonies::resume::ResumeAssignments>(),
    colony::<colonies::pause_status::GetPauseStatus>(),
    colony::<users::add::AddUser>(),
    colony::<users::list::GetUsers>(),
    colony::<users::get::GetUser>(),
    colony::<users::get_by_id::GetUserById>(),
    colony::<users::remove::RemoveUser>(),
    colony::<users::change_id::ChangeUserId>(),
    colony::<executors::add::AddExecutor>(),
    colony::<executors::list::GetExecutors>(),
    colony::<executors::get::GetExecutor>(),
    colony::<executors::get_by_id::GetExecutorById>(),
    colony::<executors::approve::ApproveExecutor>(),
    colony::<executors::reject::RejectExecutor>(),
    colony::<executors::remove::RemoveExecutor>(),
    colony::<executors::report_allocations::ReportAllocations>(),
    colony::<executors::update::UpdateExecutor>(),
    colony::<executors::change_id::ChangeExecutorId>(),
    colony::<locations::add::AddLocation>(),
    colony::<locations::list::GetLocations>(),
    colony::<locations::get::GetLocation>(),
    colony::<locations::remove::RemoveLocation>(),
    colony::<functions::add::AddFunction>(),
    colony::<functions::list::GetFunctions>(),
    alias::<functions::list::GetFunctions>("getfunctionsbyexecutormsg"),
    colony::<functions::remove::RemoveFunction>(),
    colony::<processes::submit::SubmitFuncSpec>(),
    colony::<processes::assign::AssignProcess>(),
    colony::<processes::close_successful::CloseSuccessful>(),
    colony::<processes::close_failed::CloseFailed>(),
    colony::<processes::get::GetProcess>(),
    colony::<processes::list::GetProcesses>(),
    colony::<processes::history::GetProcessHistory>(),
    colony::<processes::set_output::SetOutput>(),
    colony::<processes::cancel::CancelProcess>(),
    colony::<processes::remove::RemoveProcess>(),
    colony::<processes::remove_all::RemoveAllProcesses>(),
    colony::<workflows::submit::SubmitWorkflow>(),
    colony::<workflows::get::GetProcessGraph>(),
    colony::<workflows::list::GetProcessGraphs>(),
    colony::<workflows::cancel::CancelProcessGraph>(),
    colony::<workflows::remove::RemoveProcessGraph>(),
    colony::<workflows::remove_all::RemoveAllProcessGraphs>(),
    colony::<workflows::add_child::AddChild>(),
    colony::<generators::add::AddGenerator>(),
    colony::<generators::get::GetGenerator>(),
    colony::<generators::resolve::ResolveGenerator>(),
    colony::<generators::list::GetGenerators>(),
    colony::<generators::pack::PackGenerator>(),
    colony::<generators::remove::RemoveGenerator>(),
    colony::<crons::add::AddCron>(),
    colony::<crons::get::GetCron>(),
    colony::<crons::list::GetCrons>(),
    colony::<crons::run::RunCron>(),
    colony::<crons::remove::RemoveCron>(),
    colony::<attributes::add::AddAttribute>(),
    colony::<attributes::get::GetAttribute>(),
    colony::<channels::append::AppendToChannel>(),
    colony::<channels::read::ReadChannel>(),
    colony::<logs::add::AddLog>(),
    colony::<logs::add_of_executor::AddExecutorLog>(),
    colony::<logs::get::GetLogs>(),
    colony::<logs::search::SearchLogs>(),
    colony::<files::add::AddFile>(),
    colony::<files::get::GetFile>(),
    colony::<files::list::GetFiles>(),
    colony::<files::labels::GetFileLabels>(),
    colony::<files::remove::RemoveFile>(),
    colony::<snapshots::create::CreateSnapshot>(),
    colony::<snapshots::get::GetSnapshot>(),
    colony::<snapshots::list::GetSnapshots>(),
    colony::<snapshots::remove::RemoveSnapshot>(),
    colony::<snapshots::remove_all::RemoveAllSnapshots>(),
    colony::<blueprints::add_definition::AddBlueprintDefinition>(),
    colony::<blueprints::get_definition::GetBlueprintDefinition>(),
    colony::<blueprints::list_definitions::GetBlueprintDefinitions>(),
    colony::<blueprints::remove_definition::RemoveBlueprintDefinition>(),
    colony::<blueprints::add::AddBlueprint>(),
    colony::<blueprints::get::GetBlueprint>(),
    colony::<blueprints::list::GetBlueprints>(),
    colony::<blueprints::update::UpdateBlueprint>(),
    colony::<blueprints::update_status::UpdateBlueprintStatus>(),
    colony::<blueprints::remove::RemoveBlueprint>(),
    colony::<blueprints::reconcile::ReconcileBlueprint>(),
    colony::<blueprints::history::GetBlueprintHistory>(),
];

static BY_NAME: LazyLock<HashMap<&'static str, usize>> =
    LazyLock::new(|| TABLE.iter().enumerate().map(|(place, entry)| (entry.name, place)).collect());

/// The place in the table of the entry of this name.
pub fn place(name: &str) -> Option<usize> {
    BY_NAME.get(name).copied()
}

/// The entry of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    place(name).map(|place| &TABLE[place])
}

const fn colony<M: ColonyMessage>() -> Entry {
    Entry { name: M::NAME, access: M::ACCESS, echoes: M::ECHOES, decode: decode_colony::<M>, texts: M::TEXTS }
}

/// The same message under a name that clients use although the reference does not know it.
const fn alias<M: ColonyMessage>(name: &'static str) -> Entry {
    let mut entry = colony::<M>();
    entry.name = name;
    entry
}

const fn server<M: ServerMessage>() -> Entry {
    Entry { name: M::NAME, access: M::ACCESS, echoes: M::ECHOES, decode: decode_server::<M>, texts: M::TEXTS }
}

const fn open(name: &'static str, message: OpenMessage, texts: Texts) -> Entry {
    let decode = match message {
        OpenMessage::Version => decode_version,
        OpenMessage::ServerInfo => decode_server_info,
    };
    Entry { name, access: Access::Anyone, echoes: false, decode, texts }
}

fn decode_colony<M: ColonyMessage>(payload: &[u8], elements: usize) -> Option<(Decoded, String)> {
    let (message, tag) = json::decode_message_within::<M>(payload, elements).ok()?;
    Some((Decoded::Colony(Box::new(message)), tag))
}

fn decode_server<M: ServerMessage>(payload: &[u8], elements: usize) -> Option<(Decoded, String)> {
    let (message, tag) = json::decode_message_within::<M>(payload, elements).ok()?;
    Some((Decoded::Server(Box::new(message)), tag))
}

/// What may be sent with `versionmsg`; read so that a wrong type is refused.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct VersionRequest {
    #[serde(rename = "buildversion")]
    _buildversion: String,
    #[serde(rename = "buildtime")]
    _buildtime: String,
}

fn decode_version(payload: &[u8], elements: usize) -> Option<(Decoded, String)> {
    let (VersionRequest { .. }, tag) = json::decode_message_within(payload, elements).ok()?;
    Some((Decoded::Open(OpenMessage::Version), tag))
}

fn decode_server_info(_: &[u8], _: usize) -> Option<(Decoded, String)> {
    Some((Decoded::Open(OpenMessage::ServerInfo), SERVER_INFO.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = TABLE.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn only_two_messages_are_open_to_everybody() {
        let open: Vec<_> = TABLE.iter().filter(|entry| entry.access == Access::Anyone).map(|e| e.name).collect();
        assert_eq!(open, ["versionmsg", "getserverinfomsg"]);
    }
}
