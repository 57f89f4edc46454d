package store

// OpenAt opens a database and brings it only to an earlier version of the schema.
var OpenAt = open
