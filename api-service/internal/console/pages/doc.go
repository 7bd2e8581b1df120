// Package pages has what several areas of the console share and package web does not know of: filters with their chips, reading a whole
// list, the names of endpoints, and refusals that are shown beside a form.
package pages
