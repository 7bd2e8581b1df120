package readme_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/config"
	"redrive/pkg/guides"
)

func readme(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	return string(content)
}

// TestReadmeConfigurationTableMatchesTheCode generates the table from the code and requires the same text in the README.
func TestReadmeConfigurationTableMatchesTheCode(t *testing.T) {
	assert.True(t, strings.Contains(readme(t), table()), "put this table into the README:\n%s", table())
}

// table has a row for each variable and default.
func table() string {
	type row struct{ name, standard, doc string }
	var order []row
	users := map[row][]string{}
	for _, program := range []struct {
		name     string
		settings any
	}{{"API", config.API{}}, {"dispatcher", config.Dispatcher{}}, {"local", config.Local{}}} {
		for _, v := range config.Variables(program.settings) {
			standard := "`" + v.Default + "`"
			switch {
			case v.Required:
				standard = "required"
			case v.Default == "":
				standard = ""
			}
			r := row{v.Name, standard, v.Doc}
			if !slices.Contains(order, r) {
				order = append(order, r)
			}
			users[r] = append(users[r], program.name)
		}
	}
	slices.SortStableFunc(order, func(a, b row) int { return strings.Compare(a.name, b.name) })
	lines := []string{"| variable | read by | default | what it says |", "| --- | --- | --- | --- |"}
	for _, r := range order {
		lines = append(lines, fmt.Sprintf("| `%s` | %s | %s | %s |", r.name, strings.Join(users[r], ", "), r.standard, r.doc))
	}
	return strings.Join(lines, "\n")
}

func TestReadmeNamesTheFileOfEverySecret(t *testing.T) {
	for _, v := range slices.Concat(config.Variables(config.API{}), config.Variables(config.Dispatcher{})) {
		if v.Secret {
			assert.Contains(t, readme(t), "`"+v.Name+"_FILE`")
		}
	}
}

func TestReadmeMakeTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	named := regexp.MustCompile("`make ([a-z]+)[^`]*`|(?m:^)make ([a-z]+)").FindAllStringSubmatch(readme(t), -1)
	assert.NotEmpty(t, named)
	for _, match := range named {
		target := match[1] + match[2]
		assert.Regexp(t, `(?m)^`+target+`:.*## `, string(makefile), target)
	}
}

func TestReadmeLinkedFilesExist(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(readme(t), -1)
	assert.NotEmpty(t, links)
	for _, link := range links {
		assert.FileExists(t, "../../"+link[1])
	}
}

// TestReadmeListsEveryGuide requires a row for each guide, with the same words as in the served index.
func TestReadmeListsEveryGuide(t *testing.T) {
	for _, guide := range guides.All() {
		row := "](" + guides.Folder + "/" + guide.Name + ".md) | " + guide.About + " |"
		assert.True(t, strings.Contains(readme(t), row), row)
	}
}
