// Package hostile is for tests. It provides receivers that violate HTTP or never finish, on real sockets, and the result that an attempt to
// each must have. Tests of the sender and of whole deliveries use the same cases.
package hostile
