//! `colonies user`.

use super::confirm::confirm;
use super::connection::{Global, InColony};
use super::given::parse_id;
use super::table::Grid;
use crate::client::User;
use crate::crypto::Identity;
use clap::{Args, Subcommand};

/// Users of a colony.
#[derive(Args)]
pub struct UserGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Add a user; for the colony's owner
    Add {
        /// Name of the user
        #[arg(long)]
        name: String,
        /// Id of the user's key
        #[arg(long, value_parser = parse_id)]
        userid: String,
        /// E-mail address
        #[arg(long, default_value = "")]
        email: String,
        /// Telephone number
        #[arg(long, default_value = "")]
        phone: String,
    },
    /// List all users
    #[command(alias = "list")]
    Ls,
    /// Show a user
    Get(Name),
    /// Remove a user; for the colony's owner
    Remove {
        #[command(flatten)]
        name: Name,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Change your own id, and so your key
    Chid {
        /// Id of the new key
        #[arg(long, value_parser = parse_id)]
        userid: String,
    },
}

#[derive(Args)]
struct Name {
    /// Name of the user
    #[arg(long)]
    name: String,
}

impl UserGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let (client, colony) = (&session.client, session.colony()?);
        match self.command {
            UserCommand::Add { name, userid, email, phone } => {
                let userid = Identity::from_text(&userid);
                let user = User { colonyname: colony.to_owned(), userid, name, email, phone };
                let user = client.add_user(&session.colony_owner()?, &user)?;
                let id = user.userid.to_string();
                let about = [
                    ("ColonyName", colony),
                    ("Email", &user.email),
                    ("Phone", &user.phone),
                    ("UserId", &id),
                    ("Username", &user.name),
                ];
                session.out.made("User added", &about, &user)?;
            }
            UserCommand::Ls => {
                let users = client.users(&session.member()?, colony)?;
                session.out.list(&users, "No users found", || {
                    let mut grid = Grid::with_headers(&["USERNAME", "EMAIL", "PHONE"]);
                    users.iter().for_each(|user| grid.row([&user.name, &user.email, &user.phone]));
                    grid
                })?;
            }
            UserCommand::Get(Name { name }) => {
                let user = client.user(&session.member()?, colony, &name)?;
                let grid = || {
                    Grid::of_pairs("User")
                        .pair("Username", &user.name)
                        .pair("UserId", &user.userid)
                        .pair("Phone", &user.phone)
                        .pair("Email", &user.email)
                        .pair("Colony", &user.colonyname)
                };
                session.out.show(&user, || vec![grid()])?;
            }
            UserCommand::Remove { name: Name { name }, yes } => {
                let owner = session.colony_owner()?;
                confirm(&format!("Remove user <{name}> of colony <{colony}>?"), yes)?;
                client.remove_user(&owner, colony, &name)?;
                session.out.done("User removed", &[("ColonyName", colony), ("Username", &name)])?;
            }
            UserCommand::Chid { userid } => {
                client.change_user_id(&session.member()?, colony, &userid)?;
                session.out.done("Changed user Id", &[("ColonyName", colony), ("UserId", &userid)])?;
            }
        }
        Ok(())
    }
}
