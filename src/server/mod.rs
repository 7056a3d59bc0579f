//! Colony zero: what belongs to the server itself. Its id, and the list of colonies.

//access
//actor
//add_colony
//directory
//list_colonies
//message
//remove_colony
pub mod state;
