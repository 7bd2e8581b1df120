// Package licences lists the licences of the modules that our programs link, identified by the texts in the modules.
package licences

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Module is a module that is linked into one of our programs.
type Module struct {
	Path, Version string
	// Licences are SPDX identifiers. They include Unknown if a text was not identified.
	Licences []string
}

// Unknown is a licence that this package does not identify.
const Unknown = "unknown"

// permissive are licences that require at most a notice, or the publication of changes to the licensed files.
var permissive = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MPL-2.0", "Unlicense", "blessing"}

// Permitted reports whether we can distribute the module.
func (m Module) Permitted() bool {
	return len(m.Licences) > 0 && !slices.ContainsFunc(m.Licences, func(licence string) bool { return !slices.Contains(permissive, licence) })
}

// ours is the prefix of the paths of our own modules.
const ours = "redrive/"

// phrases are sentences that occur in one licence only, in lower case and with single spaces.
var phrases = []struct {
	licence string
	all     []string
	not     string
}{
	{"GPL", []string{"gnu general public license", "terms and conditions"}, "mozilla public license"},
	{"LGPL", []string{"gnu lesser general public license", "additional permissions"}, "mozilla public license"},
	{"AGPL", []string{"gnu affero general public license", "terms and conditions"}, "mozilla public license"},
	{"MPL-2.0", []string{"mozilla public license", "version 2.0"}, ""},
	{"Apache-2.0", []string{"apache license", "version 2.0", "licensor"}, ""},
	{"MIT", []string{"permission is hereby granted, free of charge, to any person obtaining a copy of this software"}, ""},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "to endorse or promote"}, ""},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms"}, "to endorse or promote"},
	{"ISC", []string{"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee", "copyright notice and this permission notice"}, ""},
	{"ISC", []string{"permission to use, copy, modify, and distribute this software for any purpose with or without fee", "copyright notice and this permission notice"}, ""},
	{"Unlicense", []string{"this is free and unencumbered software released into the public domain"}, ""},
	{"blessing", []string{"all of the code and documentation in sqlite has been dedicated to the public domain"}, ""},
	{"CC0-1.0", []string{"cc0 1.0 universal"}, ""},
}

// identify returns the licences in a text.
func identify(text string) []string {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	var found []string
	for _, p := range phrases {
		if p.not != "" && strings.Contains(text, p.not) || slices.Contains(found, p.licence) {
			continue
		}
		if !slices.ContainsFunc(p.all, func(phrase string) bool { return !strings.Contains(text, phrase) }) {
			found = append(found, p.licence)
		}
	}
	return found
}

// List returns the modules of all programs below the repository's root, by path. It needs the go command, and the modules in its cache
// or from its proxy.
func List(ctx context.Context, root string) ([]Module, error) {
	found := map[string]Module{}
	for _, module := range []string{"api-service", "dispatcher-service", "deploy"} {
		linked, err := linkedInto(ctx, filepath.Join(root, module))
		if err != nil {
			return nil, fmt.Errorf("list the modules of %s: %w", module, err)
		}
		maps.Copy(found, linked)
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Module) int { return strings.Compare(a.Path, b.Path) }), nil
}

func linkedInto(ctx context.Context, dir string) (map[string]Module, error) {
	const format = "{{with .Module}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}"
	list := exec.CommandContext(ctx, "go", "list", "-deps", "-f", format, "./...")
	list.Dir, list.Env = dir, append(os.Environ(), "GOWORK=off")
	var complained bytes.Buffer
	list.Stderr = &complained
	output, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, complained.String())
	}
	modules := map[string]Module{}
	for lines := bufio.NewScanner(bytes.NewReader(output)); lines.Scan(); {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 || fields[1] == "" || strings.HasPrefix(fields[0], ours) {
			continue // a module of the standard library, or one of ours
		}
		if _, known := modules[fields[0]]; known {
			continue
		}
		licences, err := licencesIn(fields[2])
		if err != nil {
			return nil, err
		}
		modules[fields[0]] = Module{Path: fields[0], Version: fields[1], Licences: licences}
	}
	return modules, nil
}

// licencesIn reads the texts at the top of a module.
func licencesIn(dir string) ([]string, error) {
	files := os.DirFS(dir)
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, fmt.Errorf("look for a licence: %w", err)
	}
	var found []string
	for _, entry := range entries {
		if entry.IsDir() || !isLicence(entry.Name()) {
			continue
		}
		text, err := fs.ReadFile(files, entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read a licence: %w", err)
		}
		licences := identify(string(text))
		if len(licences) == 0 {
			licences = []string{Unknown}
		}
		found = append(found, licences...)
	}
	if len(found) == 0 {
		return []string{Unknown}, nil
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// isLicence reports whether a file contains a licence of code. It excludes licences of logos, which no program links.
func isLicence(name string) bool {
	stem := strings.ToUpper(strings.TrimSuffix(name, filepath.Ext(name)))
	return !strings.HasSuffix(stem, "-LOGO") &&
		slices.ContainsFunc([]string{"LICENSE", "LICENCE", "COPYING", "UNLICENSE"}, func(known string) bool { return strings.HasPrefix(stem, known) })
}

// ErrNotPermitted means that a module's licence is unknown or not permissive.
var ErrNotPermitted = errors.New("a licence has to be looked at")
