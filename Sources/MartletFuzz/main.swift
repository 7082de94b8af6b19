print("martlet-fuzz")
