import { entries } from './lexicon.ts'

/** Words of programming, whatever language people ask in. A `*` stands for any ending. */
export const codeWords: readonly string[] = entries(
  `api, algorithm*, async, backend, bash, boolean, bug, bugs, bytecode, cache, class, cli, code, codebase, compiler,
  concurren*, css, database, deadlock*, debug*, dependency injection, deploy*, docker*, endpoint*, exception*, express,
  fastapi, flask, frontend, function, functions, git, golang, goroutine*, graphql, grpc, hash map, html, http, index
  scan, java, javascript, json, kafka, kubernetes, lambda, latency, linux, linked list, loop, memory leak*, microservice*,
  middleware, mutex*, mysql, node.js, nullpointerexception, orm, parser, pandas, postgres*, program*, pull request,
  python, pytorch, query, race condition*, react, recursi*, redis, refactor*, regex*, regular expression, repository,
  rest, rust, schema*, script, sharding, shell, sql, sqlite, stack overflow, stack trace, stacktrace, terraform, thread*,
  throughput, type error, typeerror, typescript, unit test*, variable*, vue, websocket*, xml, yaml`,
  `algorithmus, anwendung, datenbank*, fehlermeldung, funktion, klasse, quellcode, schnittstelle*, skript*, speicherleck`,
  `algoritmo*, base de datos, bases de datos, clase, código, consulta sql, función, hilos, programa, rendimiento`,
  `algorithme*, base de données, bases de données, classe, fonction, requête*, programme, fil d'exécution`,
  `代码, 函数, 数据库, 算法, 接口, 线程, 并发, 缓存, 编程, 脚本, 服务器, 微服务, 部署, 内存泄漏, 死锁, 索引, 正则`,
  `コード, 関数, データベース, アルゴリズム, スレッド, 並行, キャッシュ, プログラム, スクリプト, サーバー, 実装, デプロイ, クエリ`,
)

/** What asks for thinking in steps; two of them are enough for the highest tier. */
export const reasoningWords: readonly string[] = entries(
  `chain of thought, derive, deduce, explain your reasoning, explain why, from first principles, induction, infer,
  justify*, lemma, logically, proof, prove, reason about, reason through, reasoning, rigorous*, show that, show your work,
  step by step, think carefully, think through, weigh, root cause, contradiction*, counterexample*, puzzle, paradox*`,
  `schritt für schritt, beweis*, herleit*, leite her, begründ*, logisch, widerspruch, widerlege*, schlussfolger*, ursache`,
  `paso a paso, demuestr*, demostra*, deduc*, deriva, justific*, razona*, contradicción, causa raíz, lógica`,
  `étape par étape, démontre*, démonstration, déduis, déduire, justifie*, raisonne*, raisonnement, contradiction, preuve`,
  `一步一步, 逐步, 证明, 推导, 推理, 论证, 为什么会, 反例, 矛盾, 根本原因, 解释原因, 归纳法`,
  `段階的に, ステップバイステップ, 証明, 導出, 推論, 論証, 根拠, 矛盾, 反例, 論理的, 帰納法, 根本原因`,
)

/** Terms of professions: science, engineering, law, money, medicine. */
export const technicalWords: readonly string[] = entries(
  `amortiz*, anova, antitrust, architect*, arbitrage, asymptot*, authenticat*, availability, bayes*, biochem*, bottleneck*,
  byzantine, calculus, causal*, cluster*, complexity, compliance, consensus, consistency, covariance, cryptograph*,
  derivative*, differential, diagnos*, distributed, econometr*, eigen*, elasticity, embedding*, encrypt*, entropy,
  clause*, clinical, contract*, dosage, failure mode*, interaction*, invest*, lawsuit*, patient*, symptom*, tax*,
  epistem*, equilibrium, equation*, fault tolerance, fiscal, gdpr, gradient, heuristic*, hypothes*, idempoten*,
  inference, integral*, interest rate*, jurisd*, kinetic*, liability, likelihood, liquidity, machine learning, matrix,
  migrat*, monetary, multivariate, neural, nonlinear, normalization, optimi*, orchestrat*, pathophysiolog*,
  pharmacolog*, polynomial*, portfolio, probabilit*, protocol*, quantum, quantitative, regression, regulat*,
  reinforcement learning, replicat*, scalab*, semantic*, statistic*, statut*, stochastic, synchron*, taxation, theorem*,
  thermodynamic*, topolog*, transaction*, transformer*, variance, vector*, vulnerabilit*, workload*`,
  `architektur, datenschutz, dsgvo, differential*, gleichung*, haftung*, hypothese*, integral, konsistenz, kündigungsschutz,
  maschinelles lernen, migration, nebenläufig*, optimier*, rechtslage, regulier*, skalier*, statist*, steuerrecht*,
  thermodynam*, verschlüssel*, verteilte*, volkswirtschaft*, wahrscheinlichkeit*, zinssatz*`,
  `aprendizaje automático, arquitectura*, cifrado, distribuid*, ecuacion*, ecuación, escalab*, estadístic*, hipótesis,
  integral, jurídic*, normativa, optimiz*, probabilidad*, responsabilidad, sincroniz*, tasa de interés, termodinámic*`,
  `apprentissage automatique, architecture*, chiffrement, distribué*, équation*, évolutiv*, hypothèse*, intégrale,
  juridique*, optimis*, probabilité*, réglement*, responsabilité, statistique*, synchronis*, taux d'intérêt,
  thermodynamique`,
  `机器学习, 神经网络, 分布式, 一致性, 架构, 优化, 概率, 统计, 方程, 积分, 导数, 矩阵, 梯度, 加密, 监管, 合规, 税法, 法律责任, 热力学,
  量子, 宏观经济, 货币政策, 假设检验, 回归, 微分, 高可用, 扩展性, 事务, 协议, 模型训练, 复杂度`,
  `機械学習, ニューラル, 分散, 整合性, アーキテクチャ, 最適化, 確率, 統計, 方程式, 積分, 微分, 行列, 勾配, 暗号, 規制, 法的, 熱力学,
  量子, 金融政策, 仮説, 回帰, 可用性, スケーラ, トランザクション, プロトコル, モデル, 計算量, 設計`,
)

/** What begins or marks small talk, look-ups and routine work on a text that is given. */
export const simpleWords: readonly string[] = entries(
  `hello, hi, hey, good morning, good evening, thanks, thank you, please tell me, what is, what's, what are, what does,
  what time, what year, what color, what colour, when did, when is, when was, where is, where are, who is, who was, who
  wrote, who invented, how many, how much, how old, how tall, how far, how do you say, how do i say, define, definition
  of, meaning of, synonym*, antonym*, capital of, convert, translate, spell, spelling, grammar, proofread, rephrase,
  joke, haiku, tell me a, give me a, suggest a, recipe, list three, list five, name three, name five, is it, is a, can
  you tell, remind me, summarize, summarise, fix the, correct, shorten, birthday, weather, good night, nice, cheers`,
  `hallo, guten morgen, guten tag, danke, was ist, was sind, was heißt, was bedeutet, wann ist, wann war, wann wurde, wo
  liegt, wo ist, wer ist, wer war, wer hat, wie viele, wie viel, wie alt, wie hoch, wie heißt, wie sagt man, übersetz*,
  hauptstadt, synonym*, witz, rezept, nenne, korrigier*, fasse, rechtschreib*, geburtstag*, wetter, gibt es, wie spät`,
  `hola, buenos días, buenas tardes, gracias, qué es, qué son, qué significa, cuándo es, cuándo fue, cuándo nació, dónde
  está, quién es, quién fue, quién escribió, quién pintó, cuántos, cuántas, cuánto, cómo se dice, cómo se llama, traduc*,
  capital de, sinónimo*, chiste, receta, nombra, corrige*, resume, cumpleaños, qué hora, dime, cuál es la capital`,
  `bonjour, bonsoir, salut, merci, qu'est-ce que, qu'est ce que, que signifie, que veut dire, quand est, quand a, où se
  trouve, où est, qui est, qui a, combien, comment dit-on, comment s'appelle, tradui*, capitale de, synonyme*, blague,
  recette, cite, citez, corrige*, résume*, anniversaire, quel temps, quelle heure, quelle est la capitale, donne-moi`,
  `你好, 您好, 谢谢, 早上好, 晚上好, 什么是, 是什么, 是谁, 谁写, 在哪里, 在哪, 几点, 多少, 几个, 什么时候, 哪一年, 怎么说, 什么意思, 翻译,
  首都, 近义词, 反义词, 笑话, 菜谱, 食谱, 列出三, 改正, 总结一下, 生日, 天气, 推荐一, 润色`,
  `こんにちは, おはよう, こんばんは, ありがとう, とは何, って何, とは？, 誰ですか, どこですか, いつですか, 何時, いくつ, 何人, 何年, どういう意味, 何と言い,
  訳して, 翻訳, 首都, 類義語, 対義語, 冗談, レシピ, 三つ挙げ, 3つ挙げ, 直して, 要約して, 誕生日, 天気, おすすめの, 教えてください`,
)

/** First words of questions that have one short answer. */
export const openingWords: readonly string[] = entries(
  `are, can you, could you, did, do, does, had, has, have, how big, how do i, how do you, how far, how long, how many,
  how much, how old, how tall, is, please, was, were, what, what's, when, where, which, who, whose, name, say, tell, give,
  list, make`,
  `gibt, hat, haben, ist, kann, können, sag, sind, wann, war, was, wer, wie lange, wie viel, wie viele, wie alt, wo, woher,
  nenne, nenn, gib, schreib mir`,
  `cuál, cuáles, cuándo, cuántas, cuánto, cuántos, cuánta, dónde, qué, quién, quiénes, hay, puedes, es, dame, dime`,
  `combien, où, qui, quand, quel, quelle, quels, quelles, que, est, peux, peut, y a, donne, raconte`,
  `谁, 哪, 几, 什么, 多少, 给我, 推荐, 请问`,
  `誰, どこ, いつ, 何, 教え`,
)

/** Routine work on a text that follows: how hard it is does not depend on what that text is about. */
export const routineWords: readonly string[] = entries(
  `alphabetical, capitalize, condense, convert, correct, extract, find the, fix, format, lower case, make, paraphrase, pick,
  proofread, pull, put, rephrase, rewrite, shorten, sort, summarize, summarise, summary, translate, translation, turn,
  upper case`,
  `übersetz*, fasse, korrigier*, kürze, formulier*, sortier*, zusammenfass*, berichtig*, umformulier*, schreib*`,
  `traduc*, resum*, corrig*, acort*, ordena, reescrib*, extrae`,
  `tradui*, résum*, corrig*, raccourci*, reformul*, trie, extrai*`,
  `翻译, 总结, 概括, 改正, 改写, 缩短, 润色, 提取, 排序`,
  `訳して, 翻訳, 要約, 直して, 書き換え, 短くして, 抜き出し, 並べ替え`,
)

/** Work that takes more than knowing. */
export const demandingWords: readonly string[] = entries(
  `analy*, architect, assess*, audit*, benchmark, build, calculate, compare, compute, contrast, critique*, criticize,
  debate, debug*, design, determine, develop, devise, diagnose, discuss, draft, estimate, evaluat*, examine, implement*,
  interpret, investigate, model, negotiat*, optimi*, outline, plan, predict, prioriti*, propose, recommend, redesign,
  refactor*, review, rewrite, roadmap, simulate, solve, strateg*, synthesi*, trade-off*, tradeoff*, trade-offs, pros and
  cons, implication*, walk me through, write a program, write a function, write a script, business plan, case study`,
  `analys*, berechne*, beurteile*, bewerte*, diskutier*, entwerf*, entwickle*, entwirf*, erarbeite*, erörter*, implementier*,
  konzept*, konzipier*, löse, modellier*, optimier*, plane, schätze*, strategie*, untersuch*, vergleich*, vor- und
  nachteile, abwäg*, überarbeit*, fehlerursache, auswirkung*`,
  `analiz*, calcula*, compara*, contrasta, critica, desarroll*, determina, diseñ*, discute, elabora*, estima, estrateg*,
  evalú*, evalua*, examina, implement*, interpreta, investiga, optimiz*, planific*, plantea, propón, proponga, resuelve,
  ventajas y desventajas, implicacion*, refactoriz*`,
  `analys*, calcule*, compare*, conçois, concevoir, conception, critique, détermine*, développe*, diagnosti*, discute*,
  élabore*, estime*, évalue*, examine*, implément*, interprète*, optimise*, planifie*, propose*, résous, résoudre,
  stratég*, avantages et inconvénients, implications, refactor*`,
  `分析, 比较, 设计, 实现, 评估, 优化, 重构, 制定, 规划, 策略, 方案, 计算, 求解, 论述, 讨论, 批判, 权衡, 优缺点, 利弊, 诊断, 排查, 预测,
  撰写, 建模, 编写, 影响`,
  `分析, 比較, 設計, 実装, 評価, 最適化, 計画, 戦略, 提案, 計算, 解いて, 求めよ, 論じ, 議論, 批判, トレードオフ, 長所と短所, 診断, 予測,
  作成し, 検討, 考察, 影響, リファクタ`,
)

/** What joins or conditions clauses. */
export const clauseWords: readonly string[] = entries(
  `although, assuming, because, but, consider, considering, despite, each, either, even though, except, given, given
  that, hence, however, if, in order to, instead of, neither, rather than, since, so that, such that, suppose, that, then,
  therefore, though, unless, until, when, whenever, whereas, whether, which, while, whose, within`,
  `aber, also, angenommen, anstatt, bevor, da, damit, dass, falls, jedoch, nachdem, ob, obwohl, ohne dass, sobald, sodass,
  sofern, sondern, trotz, trotzdem, während, weil, welche*, wenn, wobei, wodurch, indem, deren, dessen`,
  `aunque, cada, como si, cuando, dado que, debido, entonces, mientras, para que, pero, porque, puesto que, si, siempre
  que, sin embargo, sin que, sino, suponiendo, teniendo en cuenta, ya que, donde, cuyo, cuya`,
  `afin, alors que, bien que, car, cependant, chaque, dont, lequel, laquelle, lorsque, mais, malgré, parce que, pendant
  que, pour que, puisque, quand, sachant que, sans que, si, sinon, supposons, tandis que, tout en, étant donné`,
  `如果, 因为, 所以, 虽然, 但是, 假设, 并且, 而且, 同时, 为了, 除非, 以及, 当, 从而, 其中, 然而, 考虑到, 既, 并`,
  `もし, なぜなら, しかし, ただし, ために, ので, けれど, 一方, ながら, 場合, とする, として, および, かつ, うえで, 上で, 際に, に対して, それぞれ, を踏まえ`,
)

/** What confines an answer. */
export const constraintWords: readonly string[] = entries(
  `at least, at most, avoid, cannot, constraint*, deadline, ensure, exactly, exceed*, guarantee*, handle, handling, in
  exactly, include, including, less than, maximum, minimum, more than, must, must not, no more than, only use, per day,
  per second, requirement*, should, support, taking into account, under the, using only, without, budget, edge case*`,
  `ausschließlich, bedingung*, berücksichtig*, darf, dürfen, exakt, genau, höchstens, maximal, mindestens, muss, müssen,
  nicht mehr als, ohne, soll, sollen, unter berücksichtigung, vermeide*, anforderung*, einschließlich, randfälle`,
  `al menos, asegur*, como máximo, como mínimo, considerando, debe, deben, evita*, exactamente, garantiz*, incluye,
  incluyendo, máximo, mínimo, no más de, requisito*, restricci*, sin, presupuesto, casos límite`,
  `au moins, au plus, assur*, contrainte*, doit, doivent, en tenant compte, évite*, exactement, garanti*, inclus, incluant,
  maximum, minimum, pas plus de, sans, budget, exigence*, cas limites`,
  `必须, 不能, 不得, 至少, 最多, 不超过, 要求, 限制, 约束, 确保, 保证, 避免, 包括, 预算, 以内, 仅使用, 只能, 边界情况, 考虑`,
  `必ず, なければならない, 以上, 以下, 以内, 少なくとも, 最大, 最小, 制約, 条件, 保証, 避け, 含め, 予算, のみ, 考慮, せずに, 要件`,
)

/** Open questions and the depth they ask for. */
export const openWords: readonly string[] = entries(
  `why, how would, how could, how should, how does, how do, what if, what would, to what extent, under what, in what ways,
  in depth, in detail, detailed, comprehensive, thorough*, explain`,
  `warum, wieso, weshalb, inwiefern, inwieweit, wie würde*, wie könnte*, wie funktioniert, wie lässt, was wäre, ausführlich*,
  im detail, umfassend, erkläre*, erläuter*`,
  `por qué, cómo podría*, cómo debería*, cómo funciona*, cómo afect*, en qué medida, qué pasaría, en detalle, detallad*,
  exhaustiv*, explica*`,
  `pourquoi, comment pourrait, comment fonctionne*, comment faire, dans quelle mesure, que se passerait, en détail,
  détaillé*, approfondi*, explique*`,
  `为什么, 如何, 怎样才能, 在多大程度上, 详细, 深入, 全面, 解释, 阐述, 原理`,
  `なぜ, どのように, どうすれば, どの程度, 詳しく, 詳細, 徹底, 説明し, 仕組み, 原理`,
)

/** Words that only order others, by which a language is known. */
export const commonWords: Readonly<Record<'en' | 'de' | 'es' | 'fr', ReadonlySet<string>>> = {
  en: new Set(entries('the, of, and, to, is, in, a, that, it, for, with, you, my, how, what, i, an, are, on, do, me')),
  de: new Set(
    entries('der, die, das, und, ist, ein, eine, einen, zu, mit, ich, wie, für, auf, den, von, mir, dem, im'),
  ),
  es: new Set(entries('el, los, las, y, es, un, una, en, con, por, para, del, que, cómo, mi, se, al, su, qué, lo')),
  fr: new Set(entries('le, les, et, est, un, une, des, du, pour, dans, avec, je, que, comment, mon, au, sur, ce, il')),
}
