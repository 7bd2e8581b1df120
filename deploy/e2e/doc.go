// Package e2e holds the black-box tests of Redrive: they start the real programs, speak HTTP to them and know nothing of what
// is inside.
package e2e
