package config

import (
	"errors"
	"maps"
	"os"
	"reflect"
	"strings"
)

// fileSuffix ends the name of a variable that names the file with a secret.
const fileSuffix = "_FILE"

// readSecrets returns the environment with the content of the file that NAME_FILE names as NAME, for each secret of the settings. A
// line break at the end of the file is not part of the secret.
func readSecrets(settings reflect.Type, environ map[string]string, c *check) map[string]string {
	read := maps.Clone(environ)
	for _, v := range variables(settings) {
		file := environ[v.Name+fileSuffix]
		if !v.Secret || file == "" {
			continue
		}
		if environ[v.Name] != "" {
			c.add(v.Name, "and %s are both set: unset one of them", v.Name+fileSuffix)
			continue
		}
		text, err := readSecret(file)
		if err != nil {
			c.add(v.Name, "cannot be read from the file that %s names: %w", v.Name+fileSuffix, err)
			continue
		}
		read[v.Name] = text
	}
	return read
}

func readSecret(file string) (string, error) {
	content, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return "", err // it names the file
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if text == "" {
		return "", errors.New(file + " is empty")
	}
	return text, nil
}
