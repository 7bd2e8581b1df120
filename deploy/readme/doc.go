// Package readme is the tests that hold the README against the code.
package readme
