"""Words that stand often in columns of categories, as they are spelt: what a misspelling is told from."""

_TEXT = """
accessories accommodation account accounting advertising aerospace agency agriculture airline apparel appliances
architecture association automotive aviation bakery banking beauty beverages biotechnology books broadcasting
business cancelled charity chemicals children clothing college commercial communication communications completed
computer computers construction consulting consumer corporate cosmetics customer delivered dentistry department
design distribution divorced education electrical electricity electronics employment energy engineering
entertainment enterprise environment equipment fashion female finance financial fisheries fitness footwear forestry
furniture gardening government graduate groceries grocery hardware healthcare hospital hospitality hotels household
housing industrial industry information infrastructure insurance internet investment jewellery jewelry journalism
kitchen legal leisure lifestyle logistics luxury machinery maintenance management manufacturing marketing married
media medical medicine military mining mobile mortgage newspaper nonprofit office online outdoor packaging
partnership pending pension personal pharmaceutical pharmaceuticals photography printing private professional
property public publishing railway recreation recruitment recycling refunded research restaurant retail retired
safety science security service services shipping single software sports stationery student subscription supermarket
technician technology telecommunications telephone television textiles tourism training transport transportation
travel university unemployed utilities veterinary video warehouse wholesale widowed
"""
WORDS = frozenset(_TEXT.split())
