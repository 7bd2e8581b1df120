// Package login has the pages that begin and end sessions: with an API key, with the operator's password, and by a link that a platform made
// for its customer.
package login
