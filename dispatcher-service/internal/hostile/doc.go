// Package hostile is for tests: receivers that do what other people's servers should not, on real sockets. What an attempt comes
// to is the same whether the sender is asked alone or a delivery goes all the way to its record.
package hostile
