"""The words of the simulated shop, English and Chinese: wares, people, places and what reviewers say.

All persons are made up. Mail addresses end in the reserved `example` domains, and the numbers of phones are such as no
operator gives out.
"""

from __future__ import annotations

from typing import NamedTuple


class Category(NamedTuple):
    """One category of wares: English and Chinese name, typical price in the shop's currency, subcategories."""

    key: str
    en: str
    zh: str
    typical_price: float
    subcategories: tuple[Subcategory, ...]


class Subcategory(NamedTuple):
    """A shelf inside a category and the kinds of thing on it, as (English, Chinese)."""

    en: str
    zh: str
    things: tuple[tuple[str, str], ...]


def _shelf(en: str, zh: str, things: str) -> Subcategory:
    pairs = tuple(tuple(pair.split("=")) for pair in things.split(","))
    return Subcategory(en, zh, tuple((a, b) for a, b in pairs))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CATEGORIES: tuple[Category, ...] = (
    Category(
        "beauty",
        "Beauty",
        "美妆",
        62.0,
        (
            _shelf("Skincare", "护肤", "face cream=面霜,serum=精华液,sun screen=防晒霜,cleanser=洗面奶"),
            _shelf("Make-up", "彩妆", "lipstick=口红,eye shadow=眼影,foundation=粉底液,mascara=睫毛膏"),
            _shelf("Fragrance", "香氛", "perfume=香水,scented candle=香薰蜡烛,body mist=身体喷雾,diffuser=香薰机"),
            _shelf("Hair care", "护发", "shampoo=洗发水,hair mask=发膜,hair oil=护发精油,hair dryer=吹风机"),
        ),
    ),
    Category(
        "fashion",
        "Fashion",
        "服饰",
        72.0,
        (
            _shelf("Women", "女装", "dress=连衣裙,blouse=衬衫,knitted cardigan=针织开衫,wide trousers=阔腿裤"),
            _shelf("Men", "男装", "polo shirt=保罗衫,chinos=休闲裤,jacket=夹克,T-shirt=短袖"),
            _shelf("Shoes", "鞋靴", "sneakers=运动鞋,ankle boots=短靴,sandals=凉鞋,loafers=乐福鞋"),
            _shelf("Bags", "箱包", "tote bag=托特包,backpack=双肩包,suitcase=行李箱,wallet=钱包"),
        ),
    ),
    Category(
        "electronics",
        "Electronics",
        "数码",
        78.0,
        (
            _shelf(
                "Phone accessories",
                "手机配件",
                "phone case=手机壳,power bank=充电宝,charging cable=数据线,car mount=车载支架",
            ),
            _shelf("Audio", "影音", "earphones=耳机,speaker=音箱,microphone=麦克风,radio=收音机"),
            _shelf(
                "Smart home", "智能家居", "smart bulb=智能灯泡,smart plug=智能插座,door sensor=门窗传感器,camera=摄像头"
            ),
            _shelf("Computing", "电脑外设", "keyboard=键盘,mouse=鼠标,USB hub=扩展坞,monitor stand=显示器支架"),
        ),
    ),
    Category(
        "home",
        "Home",
        "家居",
        50.0,
        (
            _shelf("Kitchen", "厨具", "frying pan=平底锅,knife set=刀具套装,storage jar=密封罐,thermos=保温杯"),
            _shelf("Bedding", "床品", "duvet cover=被套,pillow=枕头,blanket=毛毯,mattress topper=床垫"),
            _shelf("Decoration", "装饰", "vase=花瓶,picture frame=相框,table lamp=台灯,wall clock=挂钟"),
            _shelf("Cleaning", "清洁", "mop=拖把,laundry liquid=洗衣液,dish soap=洗洁精,bin bags=垃圾袋"),
        ),
    ),
    Category(
        "food",
        "Food",
        "食品",
        45.0,
        (
            _shelf("Snacks", "零食", "mixed nuts=混合坚果,crisps=薯片,chocolate=巧克力,dried mango=芒果干"),
            _shelf(
                "Tea and coffee",
                "茶与咖啡",
                "green tea=绿茶,coffee beans=咖啡豆,oolong tea=乌龙茶,instant coffee=速溶咖啡",
            ),
            _shelf("Staples", "粮油", "rice=大米,olive oil=橄榄油,noodles=面条,soy sauce=酱油"),
            _shelf("Drinks", "饮料", "oat milk=燕麦奶,sparkling water=气泡水,orange juice=橙汁,soy milk=豆浆"),
        ),
    ),
    Category(
        "baby",
        "Mother and baby",
        "母婴",
        56.0,
        (
            _shelf("Toys", "玩具", "building blocks=积木,plush bear=毛绒熊,puzzle=拼图,toy train=玩具火车"),
            _shelf("Nappies", "纸尿裤", "nappies=纸尿裤,baby wipes=婴儿湿巾,changing mat=隔尿垫,nappy cream=护臀膏"),
            _shelf("Feeding", "喂养", "baby bottle=奶瓶,bib=围兜,milk powder=奶粉,high chair=餐椅"),
            _shelf("Children's clothes", "童装", "romper=连体衣,rain coat=儿童雨衣,woolly hat=毛线帽,pyjamas=儿童睡衣"),
        ),
    ),
    Category(
        "sports",
        "Sports",
        "运动",
        66.0,
        (
            _shelf("Fitness", "健身", "yoga mat=瑜伽垫,dumbbells=哑铃,resistance band=弹力带,skipping rope=跳绳"),
            _shelf("Outdoor", "户外", "tent=帐篷,sleeping bag=睡袋,head torch=头灯,hiking poles=登山杖"),
            _shelf("Cycling", "骑行", "bike lamp=车灯,cycling gloves=骑行手套,bike lock=车锁,helmet=头盔"),
            _shelf(
                "Running", "跑步", "running vest=跑步背心,sports watch=运动手表,water bottle=运动水壶,arm band=臂包"
            ),
        ),
    ),
    Category(
        "books",
        "Books and stationery",
        "图书文具",
        48.0,
        (
            _shelf(
                "Novels",
                "小说",
                "crime novel=推理小说,science fiction=科幻小说,short stories=短篇小说集,classic novel=经典名著",
            ),
            _shelf(
                "Learning", "教育", "language course=外语教程,maths workbook=数学练习册,atlas=地图册,cook book=菜谱"
            ),
            _shelf("Stationery", "文具", "notebook=笔记本,gel pens=中性笔,stapler=订书机,sticky notes=便利贴"),
            _shelf("Art supplies", "美术", "water colours=水彩颜料,sketch book=素描本,brush set=画笔套装,clay=黏土"),
        ),
    ),
)

BRANDS: tuple[tuple[str, str], ...] = (
    ("Norrland", "北陆"),
    ("Qinghe", "清禾"),
    ("Marlow", "马洛"),
    ("Yunshan", "云杉"),
    ("Pebble", "卵石"),
    ("Lanting", "兰汀"),
    ("Fjord", "峡湾"),
    ("Moxi", "墨溪"),
    ("Harbour", "港湾"),
    ("Xingye", "星野"),
    ("Tilde", "蒂尔德"),
    ("Baishu", "柏舒"),
    ("Copperleaf", "铜叶"),
    ("Jiuyue", "玖月"),
    ("Ostrava", "奥斯塔"),
    ("Zhuyin", "竹音"),
)

STYLES: tuple[tuple[str, str, str, str], ...] = (
    ("Classic", "经典款", "a design that has sold for years", "多年热销的经典设计"),
    ("Light", "轻巧款", "light and easy to carry", "轻便易携"),
    ("Pro", "专业款", "made for daily hard use", "专为高强度日常使用打造"),
    ("Natural", "天然款", "made of natural materials", "采用天然材质"),
    ("Mini", "迷你款", "small enough for any room", "小巧不占空间"),
    ("Festive", "礼盒款", "in a gift box with ribbon", "精美礼盒包装"),
    ("Budget", "实惠款", "good value in simple packaging", "简装实惠"),
    ("Limited", "限量款", "a numbered limited edition", "编号限量发售"),
)

MAIL_WORDS: tuple[str, ...] = ("sun", "moon", "river", "tea", "blue", "lucky", "cloud", "panda", "star", "rain")
MAIL_DOMAINS: tuple[str, ...] = ("example.com", "example.org", "example.net", "mail.example")

SURNAMES_ZH = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董潘袁蔡蒋余"
GIVEN_ZH = (
    "伟芳娜敏静丽强磊洋艳勇军杰娟涛明超霞平刚桂英文华建国玉兰秀梅志红鹏飞宇浩然子涵欣怡梓萱雨桐一诺思远嘉懿俊辉晨曦"
)
FIRST_EN: tuple[str, ...] = _words(
    "Alice Amir Anna Ben Carla Chloe Daniel Diego Elena Emma Ethan Fatima Felix Grace Hana Henry "
    "Ines Isaac Jack Julia Karim Laura Leo Lena Lucas Maria Maya Mila Nadia Noah Nora Olivia Omar "
    "Oscar Paul Priya Rosa Ruby Sam Sara Simon Sofia Tara Thomas Uma Victor Wei Yara Zoe"
)
LAST_EN: tuple[str, ...] = _words(
    "Adams Ahmed Andersson Baker Bauer Becker Brown Carter Clark Costa Davies Dubois Evans Fischer "
    "Garcia Green Hall Hansen Hughes Ivanov Jones Kaur Khan Klein Kowalski Larsen Lee Lopez Martin "
    "Meyer Moore Moreau Müller Nielsen Novak O'Brien Patel Petit Rossi Ryan Santos Schmidt Silva "
    "Smith Taylor Thompson Walker Weber White Wright"
)


class City(NamedTuple):
    """A city: the share of customers there, and how careless hands also spell it."""

    name: str
    country: str
    share: float
    spellings: tuple[str, ...]


CITIES: tuple[City, ...] = (
    City("Shanghai", "China", 0.17, ("上海", "shanghai", "Shanghai ", "Shang Hai")),
    City("Beijing", "China", 0.13, ("北京", "beijing", "Peking", "Bei Jing")),
    City("Shenzhen", "China", 0.10, ("深圳", "shenzhen", "Shen Zhen")),
    City("Hangzhou", "China", 0.08, ("杭州", "hangzhou", "Hang Zhou")),
    City("Chengdu", "China", 0.07, ("成都", "chengdu", "Cheng Du")),
    City("Wuhan", "China", 0.05, ("武汉", "wuhan", "Wu Han")),
    City("London", "United Kingdom", 0.11, ("london", "London ", "Londn")),
    City("Manchester", "United Kingdom", 0.05, ("manchester", "Manchestr")),
    City("Berlin", "Germany", 0.07, ("berlin", "Berlin-Mitte")),
    City("Munich", "Germany", 0.04, ("München", "munich", "Muenchen")),
    City("Paris", "France", 0.06, ("paris", "Paris 11e")),
    City("Singapore", "Singapore", 0.07, ("singapore", "Singapore ", "新加坡")),
)

COUNTRY_SPELLINGS: dict[str, tuple[str, ...]] = {
    "China": ("CN", "china", "中国", "P.R. China"),
    "United Kingdom": ("UK", "united kingdom", "U.K.", "Great Britain"),
    "Germany": ("DE", "germany", "Deutschland"),
    "France": ("FR", "france"),
    "Singapore": ("SG", "singapore"),
}

SECTORS: tuple[str, ...] = _words("retail hospitality education healthcare manufacturing software logistics marketing")
ACCOUNT_HEADS: tuple[str, ...] = _words(
    "Alder Birch Cedar Delta Ember Falcon Garnet Harbor Indigo Juniper Kestrel Lotus Maple Nimbus "
    "Orchid Pioneer Quartz River Summit Tulip Union Vertex Willow Yarrow Zenith 东方 华兴 金桥 南山 "
    "天和"
)
ACCOUNT_TAILS: tuple[str, ...] = (
    "Trading",
    "Hotels",
    "Schools",
    "Clinic Group",
    "Works",
    "Systems",
    "Freight",
    "Media",
    "Foods",
    "Office Supply",
)

SEARCHES: tuple[str, ...] = (
    "gift",
    "礼物",
    "sale",
    "特价",
    "new in",
    "新品",
    "wholesale",
    "best seller",
    "热销",
    "organic",
    "有机",
)

TOPICS: tuple[str, ...] = ("quality", "delivery", "price", "fit", "service")
REVIEWS_EN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # topic: (praise, complaint)
    "quality": (
        (
            "The material feels solid and well made.",
            "Sturdy, nicely finished, no faults at all.",
            "Top quality, better than expected.",
        ),
        (
            "It broke after three days of use.",
            "Cheap material, the finish came off at once.",
            "Poor quality, already falling apart.",
        ),
    ),
    "delivery": (
        (
            "Arrived the next day, well packed.",
            "Fast shipping, and the courier was friendly.",
            "Delivery was quicker than promised.",
        ),
        (
            "It came two weeks late.",
            "The parcel was crushed when it arrived.",
            "Shipping took forever, and nobody told me why.",
        ),
    ),
    "price": (
        (
            "Great value for the money.",
            "Cheaper than anywhere else, what a bargain.",
            "The discount made this a very good buy.",
        ),
        (
            "Far too expensive for what you get.",
            "The price dropped a day after I paid.",
            "Overpriced; not worth the money.",
        ),
    ),
    "fit": (
        (
            "The size is exactly right.",
            "Fits perfectly, true to the size chart.",
            "Just the size I needed, very comfortable.",
        ),
        (
            "Much smaller than the size chart says.",
            "The size is wrong, it does not fit.",
            "Too big, I had to send it back.",
        ),
    ),
    "service": (
        (
            "Customer service answered within minutes.",
            "The support team solved my question kindly.",
            'They said "no problem" and helped.',
        ),
        (
            "Nobody answers my messages.",
            "Support was rude, and my refund is still missing.",
            "Terrible service, they ignored my complaint.",
        ),
    ),
}
REVIEWS_ZH: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "quality": (
        ("质量很好，做工精细。", "材质扎实，没有瑕疵。", "品质超出预期。"),
        ("用了三天就坏了。", "材料很差，表面一下就掉漆。", "质量太差，已经散架了。"),
    ),
    "delivery": (
        ("第二天就到了，包装完好。", "物流很快，快递员态度也好。", "发货速度比承诺的还快。"),
        ("晚了两个星期才到。", "收到时包装已经压坏了。", "物流太慢，也没人解释。"),
    ),
    "price": (
        ("性价比很高，很划算。", "比别家便宜，捡到宝了。", "打折下来非常值。"),
        ("价格太贵，不值这个钱。", "刚买完第二天就降价了。", "又贵又一般，不划算。"),
    ),
    "fit": (
        ("尺码正好，很合身。", "大小合适，和尺码表一致。", "尺寸刚刚好，很舒服。"),
        ("比尺码表小很多。", "尺码不对，穿不上。", "太大了，只能退货。"),
    ),
    "service": (
        ("客服几分钟就回复了。", "客服耐心解决了我的问题。", "售后态度很好，点赞。"),
        ("发消息没人理。", "客服态度差，退款还没到。", "服务太差，投诉也没人管。"),
    ),
}
CLOSERS_EN: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("Would buy again.", "Recommended!", "Happy with it, thanks.", ""),
    ("Would not buy again.", "Very disappointed.", "Asked for a refund.", ""),
)
CLOSERS_ZH: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("会回购。", "推荐！", "很满意，谢谢。", ""),
    ("不会再买了。", "非常失望。", "已经申请退款。", ""),
)
