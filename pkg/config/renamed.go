package config

import (
	"maps"
	"slices"
)

// Rename is an old name of an environment variable, which still works.
type Rename struct {
	Old, New string
}

// renames are the variables whose name has changed.
var renames = []Rename{
	{"API_STRANGER_RATE_LIMIT", "API_UNAUTHENTICATED_RATE_LIMIT"},
}

// OldNames returns the old names that an environment sets, for a warning in the log.
func OldNames(environ map[string]string) []Rename {
	return slices.DeleteFunc(slices.Clone(renames), func(r Rename) bool { return environ[r.Old] == "" })
}

// withPresentNames returns the environment with the values of old names under the present names. A value under the present name has
// precedence.
func withPresentNames(environ map[string]string) map[string]string {
	present := maps.Clone(environ)
	for _, r := range OldNames(environ) {
		if present[r.New] == "" {
			present[r.New] = environ[r.Old]
		}
	}
	return present
}
