package main

import (
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

// settings are the environment variables and the CONFIG_FILE of the real plugin that clustr's manifests use.
type settings struct {
	migStrategy     string
	idStrategy      string
	failOnInitError bool
	replicas        int
	rename          bool
}

type configFile struct {
	Version string `json:"version"`
	Flags   struct {
		MigStrategy string `json:"migStrategy"`
	} `json:"flags"`
	Sharing struct {
		TimeSlicing struct {
			RenameByDefault            bool `json:"renameByDefault"`
			FailRequestsGreaterThanOne bool `json:"failRequestsGreaterThanOne"`
			Resources                  []struct {
				Name     string `json:"name"`
				Replicas int    `json:"replicas"`
			} `json:"resources"`
		} `json:"timeSlicing"`
	} `json:"sharing"`
}

func readSettings() (settings, error) {
	s := settings{migStrategy: "none", idStrategy: "uuid", failOnInitError: os.Getenv("FAIL_ON_INIT_ERROR") != "false", replicas: 1}
	if path := os.Getenv("CONFIG_FILE"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return s, err
		}
		var c configFile
		if err := yaml.UnmarshalStrict(text, &c); err != nil {
			return s, fmt.Errorf("%s: %w", path, err)
		}
		if c.Flags.MigStrategy != "" {
			s.migStrategy = c.Flags.MigStrategy
		}
		s.rename = c.Sharing.TimeSlicing.RenameByDefault
		for _, each := range c.Sharing.TimeSlicing.Resources {
			if each.Name == gpuResource {
				s.replicas = each.Replicas
			}
		}
	}
	if value := os.Getenv("MIG_STRATEGY"); value != "" {
		s.migStrategy = value
	}
	if value := os.Getenv("DEVICE_ID_STRATEGY"); value != "" {
		s.idStrategy = value
	}
	if value := os.Getenv("DEVICE_LIST_STRATEGY"); value != "" && value != "envvar" {
		return s, fmt.Errorf("DEVICE_LIST_STRATEGY %s is not in this stand-in", value)
	}
	if !strings.Contains(" none single mixed ", " "+s.migStrategy+" ") {
		return s, fmt.Errorf("unknown MIG strategy: %s", s.migStrategy)
	}
	return s, nil
}
