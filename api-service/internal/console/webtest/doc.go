// Package webtest serves pages of the console to tests. Its API answers from a table and records the calls that it gets.
package webtest
