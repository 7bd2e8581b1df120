package web

import (
	"fmt"

	"redrive/pkg/contrast"
)

// theme returns the style sheet with the colour of the installation. Links have it in the themes in which it can be read, and the text of
// buttons is white or dark, whichever can be read on it. Without a colour that can be parsed, the sheet is empty.
func theme(s Site) string {
	accent, err := contrast.Parse(s.Accent)
	if err != nil {
		return ""
	}
	sheet := fmt.Sprintf(":root { --accent: %v; --on-accent: %v; }\n", accent, readableOn(accent))
	if contrast.Ratio(accent, contrast.LightBackground) >= contrast.Readable {
		sheet += fmt.Sprintf("@media not (prefers-color-scheme: dark) { :root { --link: %v; } }\n", accent)
	}
	if contrast.Ratio(accent, contrast.DarkBackground) >= contrast.Readable {
		sheet += fmt.Sprintf("@media (prefers-color-scheme: dark) { :root { --link: %v; } }\n", accent)
	}
	return sheet
}

// readableOn returns white, or the dark theme's background if that can be read better on a colour.
func readableOn(c contrast.Color) contrast.Color {
	if contrast.Ratio(c, contrast.DarkBackground) > contrast.Ratio(c, contrast.LightBackground) {
		return contrast.DarkBackground
	}
	return contrast.LightBackground
}
