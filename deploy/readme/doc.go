// Package readme checks the README against the code.
package readme
