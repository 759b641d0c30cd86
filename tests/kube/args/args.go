// Package args merges the flags that a component gets from us with those that the user asks for.
package args

import "strings"

// Merge puts the user's `key=value` arguments in the place of ours: a key that the user gives is the user's alone.
func Merge(ours, users []string) []string {
	given := map[string]bool{}
	for _, argument := range users {
		given[flagName(argument)] = true
	}
	var all []string
	for _, argument := range ours {
		if !given[flagName(argument)] {
			all = append(all, argument)
		}
	}
	for _, argument := range users {
		all = append(all, "--"+strings.TrimLeft(argument, "-"))
	}
	return all
}

func flagName(argument string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(argument, "-"), "=")
	return name
}
