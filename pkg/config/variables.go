package config

import (
	"reflect"
	"strings"
)

// Variable describes one environment variable.
type Variable struct {
	Name     string
	Default  string
	Required bool
	Doc      string
	// Secret reports whether a file may have the value instead, which Name with "_FILE" behind it names.
	Secret bool
}

// Variables lists the environment variables of a settings struct in the order of its fields.
func Variables(settings any) []Variable {
	return variables(reflect.TypeOf(settings))
}

func variables(settings reflect.Type) []Variable {
	var list []Variable
	for i := range settings.NumField() {
		field := settings.Field(i)
		if field.Anonymous {
			list = append(list, variables(field.Type)...)
			continue
		}
		list = append(list, Variable{
			Name:     variable(field),
			Default:  field.Tag.Get("envDefault"),
			Required: strings.Contains(field.Tag.Get("env"), ",required"),
			Doc:      field.Tag.Get("doc"),
			Secret:   field.Type == reflect.TypeFor[Secret](),
		})
	}
	return list
}

func variable(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
	return name
}
