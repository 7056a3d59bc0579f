//! `colonies blueprint definition`.

use super::super::connection::Session;
use super::super::given::read_file;
use super::super::table::Grid;
use crate::client::BlueprintDefinition;
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum DefinitionCommand {
    /// Add a kind of blueprints; for the colony's owner
    Add {
        /// JSON file with the definition
        #[arg(long)]
        spec: PathBuf,
    },
    /// Show a kind of blueprints
    Get {
        /// Name of the definition
        #[arg(long)]
        name: String,
    },
    /// List all kinds of blueprints
    #[command(alias = "list")]
    Ls,
    /// Remove a kind of blueprints; for the colony's owner
    Remove {
        /// Name of the definition
        #[arg(long)]
        name: String,
    },
}

impl DefinitionCommand {
    pub fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, colony, out) = (&session.client, session.colony()?, session.out);
        match self {
            DefinitionCommand::Add { spec } => {
                let mut definition: BlueprintDefinition = read_file(&spec)?;
                if definition.metadata.colonyname.is_empty() {
                    colony.clone_into(&mut definition.metadata.colonyname);
                }
                let definition = client.add_blueprint_definition(&session.colony_owner()?, &definition)?;
                let about = [
                    ("BlueprintDefinitionID", definition.blueprintdefinitionid.as_str()),
                    ("Kind", definition.declares()),
                    ("Name", &definition.metadata.name),
                ];
                out.made("BlueprintDefinition added", &about, &definition)?;
            }
            DefinitionCommand::Get { name } => {
                let definition = client.blueprint_definition(&session.member()?, colony, &name)?;
                out.show(&definition, || vec![details(&definition)])?;
            }
            DefinitionCommand::Ls => {
                let definitions = client.blueprint_definitions(&session.member()?, colony)?;
                out.list(&definitions, "No blueprint definitions found", || {
                    let mut grid = Grid::with_headers(&["NAME", "KIND", "EXECUTOR TYPE", "FUNCTION NAME"]);
                    for definition in &definitions {
                        let handler = &definition.spec.handler;
                        let name = definition.metadata.name.as_str();
                        grid.row([name, definition.declares(), &handler.executor_type, &handler.function_name]);
                    }
                    grid
                })?;
            }
            DefinitionCommand::Remove { name } => {
                client.remove_blueprint_definition(&session.colony_owner()?, colony, &name)?;
                out.done("BlueprintDefinition removed", &[("Name", &name)])?;
            }
        }
        Ok(())
    }
}

fn details(definition: &BlueprintDefinition) -> Grid {
    let spec = &definition.spec;
    let schema = spec.schema.as_ref().and_then(|schema| serde_json::to_string_pretty(schema).ok());
    Grid::of_pairs("Blueprint definition")
        .pair("Name", &definition.metadata.name)
        .pair("Id", &definition.blueprintdefinitionid)
        .pair("Kind", definition.declares())
        .pair("Group", &spec.group)
        .pair("Version", &spec.version)
        .pair("Plural", &spec.names.plural)
        .pair("Singular", &spec.names.singular)
        .pair_unless_empty("ShortNames", &spec.names.short_names.join(" "))
        .pair("Scope", &spec.scope)
        .pair("ExecutorType", &spec.handler.executor_type)
        .pair("FunctionName", &spec.handler.function_name)
        .pair_unless_empty("Schema", &schema.unwrap_or_default())
}
