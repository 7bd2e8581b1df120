package postgres

// Unavailable is exported to the tests.
var Unavailable = unavailable
