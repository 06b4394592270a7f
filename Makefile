.PHONY: setup
setup:
	true
